/* SPDX-License-Identifier: BSD-3-Clause */
/* cpus.c - see cpus.h. */
#include "images/cpus.h"

#include <sched.h>

static cpu_set_t all; /* none until cpus_remember() */

void cpus_remember(void)
{
	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		CPU_ZERO(&all);
}

static bool use(const cpu_set_t *cpus)
{
	return CPU_COUNT(cpus) > 0 && sched_setaffinity(0, sizeof(*cpus), cpus) == 0;
}

void cpus_use_all(void)
{
	(void)use(&all);
}

bool cpus_use_all_but(int cpu)
{
	cpu_set_t others = all;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return false;
	CPU_CLR(cpu, &others);
	return use(&others);
}

bool cpus_use_only(int cpu)
{
	cpu_set_t one;

	if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &all))
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return use(&one);
}
