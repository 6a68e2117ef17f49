/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counts.c - see counts.h.
 *
 * The process may be anybody's that calls itself an image server, and root may be the one who looks. So
 * nothing of it is opened before it is known to be a memfd: to open a FIFO, a device or a file of a
 * FUSE server of the user's could block, or do something. O_PATH opens nothing, but pins the file.
 * Memfds are all on one mount, which has nothing that users could put there, and the kernel tells its
 * number in fdinfo without asking any file system.
 */
#include "launcher/running/counts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/running/process.h"

#define ENTRIES_MAX 64 /* descriptors that are looked at; a server has ten, and one for each ring */

/* The number of the mount that an open file is on; -1 if that cannot be told. */
static long mount_of(int fd)
{
	cleanup_close int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	const char *field;
	char name[32];

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	text = self < 0 ? NULL : process_read(self, name);
	field = text ? strstr(text, "\nmnt_id:") : NULL;
	return field ? strtol(field + strlen("\nmnt_id:"), NULL, 10) : -1;
}

/* Opens a descriptor of another process for reading, if it is a memfd. */
static int open_memfd(int fds, const char *name, long memfds)
{
	cleanup_close int pinned = openat(fds, name, O_PATH | O_CLOEXEC);
	char path[32];

	if (pinned < 0 || mount_of(pinned) != memfds)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pinned);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool read_from(int fds, const char *name, long memfds, uint64_t values[STAT_COUNT],
		      char staged[HANDOVER_STAGED_MAX])
{
	cleanup_close int fd = open_memfd(fds, name, memfds);
	struct handover seen;

	if (fd < 0 || !handover_read(fd, &seen) || seen.magic != HANDOVER_MAGIC ||
	    !handover_stats(&seen, values))
		return false;
	(void)handover_staged(&seen, staged);
	return true;
}

bool counts_read(int proc, uint64_t values[STAT_COUNT], char staged[HANDOVER_STAGED_MAX])
{
	cleanup_close int sample = memfd_create("davit-sample", MFD_CLOEXEC);
	int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long memfds = sample < 0 ? -1 : mount_of(sample);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool found = false;

	if (!dir && fd >= 0)
		close(fd);
	for (int i = 0; dir && memfds >= 0 && !found && i < ENTRIES_MAX && (entry = readdir(dir));
	     i++)
		found = read_from(dirfd(dir), entry->d_name, memfds, values, staged);
	if (dir)
		closedir(dir);
	return found;
}
