/* SPDX-License-Identifier: BSD-3-Clause */
/* priority.c - see priority.h. */
#include "launcher/priority.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICE 3 /* more than the rank that starts it */

/* What a thread weighs, and one that is NICE lower (sched(7): a fifth less for each step). */
#define WEIGHT_OF_RANK  1024
#define WEIGHT_OF_LOWER 526

/* For sched_setattr(2), which glibc has from 2.41 on. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* To be called before the nice value changes. */
static void shorten_slice(void)
{
	struct attributes attributes = { .size = sizeof(attributes) };

	if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) < 0)
		return;
	/* To others than these it means something else. Earlier kernels tell 0. */
	if (attributes.policy != SCHED_OTHER && attributes.policy != SCHED_BATCH)
		return;
	attributes.runtime = attributes.runtime * WEIGHT_OF_LOWER / WEIGHT_OF_RANK;
	(void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void priority_lower(void)
{
	(void)setpgid(0, 0);
	shorten_slice();
	(void)!nice(NICE);
}
