/* SPDX-License-Identifier: BSD-3-Clause */
/* read.c - see read.h. */
#include "images/read.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "images/stats.h"

static struct image_guard *guards; /* rarely more than one */
static atomic_int failure;

static ssize_t read_guarded(int fd, void *buf, size_t size, off_t offset)
{
	ssize_t got;

	for (struct image_guard *guard = guards; guard; guard = guard->next)
		if (guard->fd == fd)
			return guard->read(guard, buf, size, offset);
	got = pread(fd, buf, size, offset);
	if (got < 0)
		image_read_failed(errno);
	return got;
}

void image_read_failed(int errnum)
{
	if (errnum != EINTR)
		atomic_store(&failure, errnum);
}

int image_read_failure(void)
{
	return atomic_load(&failure);
}

ssize_t image_read(int fd, void *buf, size_t size, off_t offset)
{
	ssize_t got = read_guarded(fd, buf, size, offset);

	if (got > 0)
		stats_add(STAT_STORED, (uint64_t)got);
	return got;
}

void image_guard_add(struct image_guard *guard)
{
	guard->next = guards;
	guards = guard;
}

void image_guard_remove(struct image_guard *guard)
{
	struct image_guard **at = &guards;

	while (*at && *at != guard)
		at = &(*at)->next;
	if (*at)
		*at = guard->next;
}
