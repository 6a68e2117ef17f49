/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_confine.h - what is left to the image server before it reads a byte of the image.
 *
 * doc/server.md has the list for admins; a test compares it with the table in server_confine.c.
 */
#ifndef DAVIT_SERVER_CONFINE_H
#define DAVIT_SERVER_CONFINE_H

#include <stdbool.h>

#include "common/error.h"

/* Descriptors, each for one kind of use; -1 for none. */
struct server_files {
	int go;           /* recvmsg(2): the word to begin, with one descriptor */
	int image;        /* pread(2) */
	int seal;         /* pread(2) */
	int channel;      /* read(2) and write(2): the kernel's requests and the answers */
	int watch;        /* read(2): inotify(7) */
	int question;     /* read(2) */
	int answer;       /* write(2) */
	const int *rings; /* io_uring_enter(2), ring_count of them */
	size_t ring_count;
};

/* Bounds what the process may use, for good: no other file, no core, SERVER_MEMORY bytes and
 * `more`, for decompressed data and buffers. `last` is the highest descriptor that is open. Memory is not
 * bounded in a build with sanitizers, which take much more. */
void server_limit(int last, size_t more);
#define SERVER_MEMORY ((size_t)512 << 20)

/* Refuses every system call but those of a short list, for good, to this thread and those that it
 * starts: whatever else is called ends the process. Needs no_new_privs. Returns 0, or -1 with `err`
 * set. */
int server_filter(const struct server_files *files, struct error *err);

/* False in a build with sanitizers: when they find something they read /proc and start programs, and
 * the filter would end the process before it is told. */
bool server_filter_is_wanted(void);

#endif
