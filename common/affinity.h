/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * affinity.h - which CPUs a process or a thread may use, on nodes of any size.
 *
 * A cpu_set_t has room for 1024. sched_getaffinity(2) fails for one where the kernel counts with more,
 * be they there or only possible.
 */
#ifndef DAVIT_AFFINITY_H
#define DAVIT_AFFINITY_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

/* As many as Linux can be built for, see NR_CPUS in its arch/ directories. */
#define AFFINITY_CPUS 8192

struct affinity {
	cpu_set_t sets[AFFINITY_CPUS / CPU_SETSIZE]; /* the first one has CPUs 0 to 1023 */
};

/* Those of a process or a thread, 0: the calling one. Returns 0; or -1 with errno set and an empty set. */
int affinity_get(pid_t pid, struct affinity *affinity);

/* Moves the calling thread. Of those that its cpuset does not allow the kernel takes no notice. Returns 0,
 * or -1 with errno set, also where none is left. */
int affinity_use(const struct affinity *affinity);

/* All that there may be. */
void affinity_fill(struct affinity *affinity);

/* The set of this CPU alone; an empty one where there is no such number. */
void affinity_only(struct affinity *affinity, int cpu);

bool affinity_has(const struct affinity *affinity, int cpu);
void affinity_remove(struct affinity *affinity, int cpu);
int affinity_count(const struct affinity *affinity);

/* How many CPUs the calling thread may use; 1 where nobody knows. */
int affinity_own_count(void);

#endif
