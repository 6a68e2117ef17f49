/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.c - see stats.h. */
#include "images/stats.h"

#include <string.h>

static struct stats own;
static struct stats *current = &own;
static unsigned int lanes_taken;

_Thread_local uint64_t *stats_lane;

void stats_use(struct stats *stats)
{
	current = stats ? stats : &own;
	memset(current, 0, sizeof(*current));
	stats_lane = NULL;
}

uint64_t *stats_take_lane(void)
{
	unsigned int taken = __atomic_fetch_add(&lanes_taken, 1, __ATOMIC_RELAXED);

	stats_lane = current->lanes[taken % STATS_LANES];
	return stats_lane;
}
