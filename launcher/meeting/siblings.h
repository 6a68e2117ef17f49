/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * siblings.h - ranks that no plugin has started: who started them, and are there more on this node?
 *
 * mpirun, mpiexec and srun each have a daemon on the node that starts the ranks there (mpirun itself,
 * orted, prted, hydra_pmi_proxy, slurmstepd) and tell each rank by variables who it is.
 */
#ifndef DAVIT_SIBLINGS_H
#define DAVIT_SIBLINGS_H

#include <stdbool.h>
#include <sys/types.h>

/* How many ranks there are on this node, the caller one of them, as far as variables tell; `get` is
 * getenv(3). 1 for who is nobody's rank. */
unsigned int siblings_count(char *(*get)(const char *name));

/* The number for node `node`, from 0, in a list as Slurm has it: "3(x2),1". 0 if it is not there. */
unsigned int siblings_of_node(const char *list, unsigned long node);

/* Is the caller the first rank of the node? */
bool siblings_is_first(char *(*get)(const char *name));

/* The daemon: the nearest ancestor that is not of the caller's rank. A rank's own scripts have the
 * same variables as the rank. */
pid_t siblings_daemon(void);

/* Returns a pidfd of `pid` if that process is where the caller is, in the same user and mount
 * namespace, and not in a container; the kernel tells that of processes of the same user only.
 * Otherwise -1. */
int siblings_open(pid_t pid);

/* Has the process of the pidfd ended? As long as it has not, its pid is nobody else's. */
bool siblings_has_ended(int pidfd);

#endif
