/* SPDX-License-Identifier: BSD-3-Clause */
/* priority.c - see priority.h. */
#include "launcher/priority.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICE  5      /* more than the rank that starts it */
#define SLICE 100000 /* ns, the least that there is */

/* For sched_setattr(2), which glibc has from 2.41 on. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static void shorten_slice(void)
{
	struct attributes attributes = { .size = sizeof(attributes) };

	if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) < 0)
		return;
	/* To others than these it means something else. */
	if (attributes.policy != SCHED_OTHER && attributes.policy != SCHED_BATCH)
		return;
	attributes.runtime = SLICE;
	(void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void priority_lower(void)
{
	(void)setpgid(0, 0);
	(void)!nice(NICE);
	shorten_slice();
}
