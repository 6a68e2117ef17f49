/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workers.h - the threads that answer the kernel.
 *
 * Most of the time one request follows another, and one thread does best. Another is made when
 * requests keep waiting because all are busy.
 */
#ifndef DAVIT_WORKERS_H
#define DAVIT_WORKERS_H

#define WORKERS_MAX 4

struct fuse_session;

/* Answers the requests that come through `channel`, the session's, until the file system is gone;
 * the calling thread is the first worker. It stays on `cpu` in the beginning, unless that is -1 or
 * not one of the process's. There are up to `max` of them, and WORKERS_MAX. The others are never joined: the process is meant to end then. */
void workers_run(struct fuse_session *session, int channel, int cpu, int max);

#endif
