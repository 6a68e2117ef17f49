/* SPDX-License-Identifier: BSD-3-Clause */
/* affinity.c - see affinity.h. */
#include "common/affinity.h"

#include <string.h>

int affinity_get(pid_t pid, struct affinity *affinity)
{
	memset(affinity, 0, sizeof(*affinity));
	return sched_getaffinity(pid, sizeof(affinity->sets), affinity->sets);
}

int affinity_use(const struct affinity *affinity)
{
	return sched_setaffinity(0, sizeof(affinity->sets), affinity->sets);
}

void affinity_fill(struct affinity *affinity)
{
	memset(affinity, 0xff, sizeof(*affinity));
}

static bool is_number(int cpu)
{
	return cpu >= 0 && cpu < AFFINITY_CPUS;
}

void affinity_only(struct affinity *affinity, int cpu)
{
	memset(affinity, 0, sizeof(*affinity));
	if (is_number(cpu))
		CPU_SET(cpu % CPU_SETSIZE, &affinity->sets[cpu / CPU_SETSIZE]);
}

bool affinity_has(const struct affinity *affinity, int cpu)
{
	return is_number(cpu) && CPU_ISSET(cpu % CPU_SETSIZE, &affinity->sets[cpu / CPU_SETSIZE]);
}

void affinity_remove(struct affinity *affinity, int cpu)
{
	if (is_number(cpu))
		CPU_CLR(cpu % CPU_SETSIZE, &affinity->sets[cpu / CPU_SETSIZE]);
}

int affinity_count(const struct affinity *affinity)
{
	return CPU_COUNT_S(sizeof(affinity->sets), affinity->sets);
}

int affinity_own_count(void)
{
	struct affinity own;

	return affinity_get(0, &own) < 0 ? 1 : affinity_count(&own);
}
