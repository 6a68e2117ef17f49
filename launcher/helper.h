/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * helper.h - what Davit's processes beside the ranks have in common: image server, guard, init of a
 * PID namespace, keeper of the network. They inherit a rank's signals and descriptors and must let
 * go of both.
 */
#ifndef DAVIT_HELPER_H
#define DAVIT_HELPER_H

#include <stddef.h>

/* Ignores every signal but those of a program's own mistakes and SIGCHLD: what is sent to all
 * processes of a step is meant for the ranks. */
void helper_ignore_signals(void);

/* The reverse, for a program that a helper starts. */
void helper_default_signals(void);

/* Closes every descriptor above 2 but the `count` ones of `keep`; -1 there stands for none. */
void helper_close_others(const int *keep, size_t count);

/* Leaves the rank's CPUs for all that the job's cpuset allows. */
void helper_use_all_cpus(void);

/* How many of them the job may keep busy. That is all of them, but for a site without cpusets: what
 * Slurm gave the job is a number only then. */
int helper_count_cpus(void);

/* Returns an inotify(7) that can be read when the file system of the directory `fd` is gone, which it
 * does not keep; or -1 with errno set. */
int helper_watch_end(int fd);

/* Makes the standard descriptors up to `last` /dev/null. Returns 0, or -1 with errno set. */
int helper_null_stdio(int last);

/* Starts `body(arg)`, which never returns, in a process that is no child of the caller, so that the
 * application will never wait(2) for it. `between(arg)` runs in the process between them, which dies
 * at once; it returns 0, or -1 with errno set. Returns 0, or -1 with errno set. */
int helper_start(int (*between)(void *arg), void (*body)(void *arg), void *arg);

#endif
