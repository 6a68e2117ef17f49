/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cpus.h - the CPUs that the image server may use, for threads that do not stay on all of them.
 *
 * A new thread has the affinity of the one that makes it, which may have gone to the CPU of a rank.
 */
#ifndef DAVIT_CPUS_H
#define DAVIT_CPUS_H

#include <stdbool.h>
#include <sys/types.h>

/* Those of the calling thread are all there are. To be called while there is one thread. */
void cpus_remember(void);

/* The calling thread may use all of them, again; or all but `cpu`, or only that one. They do nothing
 * where no CPU would be left, and return whether it is as asked. */
void cpus_use_all(void);
bool cpus_use_all_but(int cpu);
bool cpus_use_only(int cpu);

/* The one CPU to which a process is bound; -1 where there are several, or nobody knows. */
int cpus_find_only(pid_t pid);

#endif
