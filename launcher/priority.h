/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * priority.h - how much of the CPUs the image server gets where ranks want them, too.
 *
 * Where a CPU is idle, be it since a rank waits for the server, all of this costs nothing.
 *
 * The server takes half of a rank's share (nice +3): two threads of it that decompress weigh as much as
 * one rank. Much lower helps nobody: who reads has to wait for as much work, only longer,
 * and the ranks of a job wait for each other. Nor is any of its threads lower than the others, even
 * if it reads ahead: a rank may be about to wait for that very block.
 *
 * Its time slices are shorter by as much as its share is smaller. The kernel runs first whose slice would
 * end first, so after a sleep the server gets a CPU as soon as a rank would (Linux 6.12 and later; earlier
 * ones ignore it). With still shorter ones it would come before a reader that is about to wait for it, and
 * the kernel moves that to another CPU with each answer.
 *
 * It has a process group but no session of its own. For each session the kernel may make an autogroup
 * (sched(7)), and shares the CPUs among these as wholes: one thread of the server would weigh as much
 * as all ranks of the node together, whatever its nice value.
 *
 * doc/bench.md has measurements of all that.
 */
#ifndef DAVIT_PRIORITY_H
#define DAVIT_PRIORITY_H

/* For the calling thread and those that it makes. What cannot be had is left out. */
void priority_lower(void);

#endif
