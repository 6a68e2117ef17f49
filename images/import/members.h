/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * members.h - the files in a tar, by name, and where in it their bytes are.
 *
 * The tar is a plain file: what is compressed, or comes through a pipe, is made one before (spool.h). Its headers
 * are read once, by libarchive; nothing is unpacked. Of a name that comes twice the last counts, as it does for
 * tar(1). Links are followed within the tar, a few of them. A file that is stored with holes is refused.
 */
#ifndef DAVIT_IMPORT_MEMBERS_H
#define DAVIT_IMPORT_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define MEMBERS_MAX 65536 /* entries: images have 1024 layers at most */

struct members;

/* Reads the headers of the tar in `fd`, which becomes its own, also on failure. NULL with `err` set. */
struct members *members_open(int fd, struct error *err);

bool members_have(const struct members *members, const char *name);

/* A file of at most `max` bytes, with a final NUL that *len does not count, to be freed; NULL with `err` set. */
char *members_read(const struct members *members, const char *name, size_t max, size_t *len,
		   struct error *err);

/* The size of a file, or -1 with `err` set. */
int64_t members_size(const struct members *members, const char *name, struct error *err);

/* Copies its first bytes. Returns how many, or -1. */
ssize_t members_peek(const struct members *members, const char *name, void *buf, size_t size);

/* A pipe through which a file comes, of which a thread of its own takes care: one at a time. -1 with `err` set.
 * When the pipe has been closed, members_end() has to be called, which returns 0, or -1 with `err` set if
 * not all of the file could be read. */
int members_stream(struct members *members, const char *name, struct error *err);
int members_end(struct members *members, struct error *err);

/* NULL is fine. */
void members_free(struct members *members);

#endif
