/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.h - counting in the image server.
 *
 * What is counted is in common/stats.h. Any thread may count at any time: it costs one addition in
 * memory that few other threads write to. Until stats_use() names another place, and in programs that
 * are no server, what is counted goes nowhere.
 */
#ifndef DAVIT_IMAGES_STATS_H
#define DAVIT_IMAGES_STATS_H

#include "common/stats.h"

/* Has all counts from now on go to `stats`, from 0 on; NULL: to memory of the process's own. To be
 * called while there is one thread. */
void stats_use(struct stats *stats);

extern _Thread_local uint64_t *stats_lane; /* this thread's, NULL until it needs one */
uint64_t *stats_take_lane(void);

static inline void stats_add(enum statistic which, uint64_t n)
{
	uint64_t *lane = stats_lane ? stats_lane : stats_take_lane();

	/* Atomic, since there may be more threads than lanes. */
	(void)__atomic_fetch_add(&lane[which], n, __ATOMIC_RELAXED);
}

#endif
