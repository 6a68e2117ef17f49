/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uring.h - FUSE over io_uring (Linux 6.14): requests and answers in memory that is shared with the kernel.
 *
 * To answer one request and get the next is one system call instead of three, and each CPU has a queue of
 * its own, whose thread stays there: a rank is answered from its own CPU, which has nothing else to do
 * while the rank waits.
 *
 * What is in a ring is no system call, so no filter sees it: io_uring opens files and sockets. So
 * the rings are made before the server is confined, and the kernel is told that they are good for nothing
 * but this one command on the mount's channel; that cannot be taken back.
 */
#ifndef DAVIT_URING_H
#define DAVIT_URING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "common/error.h"

#define URING_RINGS_MAX 16

struct fuse_init_in;
struct fuse_init_out;
struct fuse_session;
struct uring;

/* How many queues the kernel wants: one for each CPU that the node may have. 0 where it offers no FUSE over
 * io_uring, or this program cannot use it; *missing says what it lacks then, as in "the image server
 * cannot use io_uring: ...". Reads /sys and /proc. */
int uring_queues(const char **missing);

/* Makes rings for `channel`, of which each serves some of the calling thread's CPUs, as evenly as can be.
 * There are no more of them than `most`. Returns NULL with `err` set on failure. */
struct uring *uring_new(int channel, int queues, int most, struct error *err);
void uring_free(struct uring *uring);

/* Its descriptors, of io_uring_enter(2), *count of them; and the bytes that it may have in use. */
const int *uring_files(const struct uring *uring, size_t *count);
size_t uring_memory(const struct uring *uring);

/* To be called before the answer to FUSE_INIT is given to the kernel: tells it there that the rings are to be
 * used, if it has asked for that, and they can be. Returns whether they are. */
bool uring_offer(struct uring *uring, struct fuse_session *session, const struct fuse_init_in *in,
		 struct fuse_init_out *out);

/* After that: begins to serve, in threads that are never joined, if the kernel has got the answer. */
void uring_begin(struct uring *uring, bool is_answered);

/* Takes an answer of libfuse's, with its header, if it is one to what the calling thread has got from a
 * ring. Returns whether it is. */
bool uring_answer(const struct iovec *iov, int count);

#endif
