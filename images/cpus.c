/* SPDX-License-Identifier: BSD-3-Clause */
/* cpus.c - see cpus.h. */
#include "images/cpus.h"

#include "common/affinity.h"

static struct affinity all; /* none until cpus_remember() */

void cpus_remember(void)
{
	(void)affinity_get(0, &all);
}

/* The kernel refuses a set of none. */
void cpus_use_all(void)
{
	(void)affinity_use(&all);
}

bool cpus_use_all_but(int cpu)
{
	struct affinity others = all;

	if (cpu < 0)
		return false;
	affinity_remove(&others, cpu);
	return affinity_use(&others) == 0;
}

bool cpus_use_only(int cpu)
{
	struct affinity one;

	affinity_only(&one, cpu);
	return affinity_has(&all, cpu) && affinity_use(&one) == 0;
}

int cpus_find_only(pid_t pid)
{
	struct affinity bound;
	int cpu = 0;

	if (affinity_get(pid, &bound) < 0 || affinity_count(&bound) != 1)
		return -1;
	while (!affinity_has(&bound, cpu))
		cpu++;
	return cpu;
}
