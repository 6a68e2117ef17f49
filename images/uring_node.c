/* SPDX-License-Identifier: BSD-3-Clause */
/* uring_node.c - what the node says of FUSE over io_uring; see uring.h. */
#include "images/uring.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "images/session.h"

/* The first bytes of a file without its newline; "" where there is none. */
static void read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (!file)
		return;
	if (fgets(line, size, file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
}

/* NULL: nothing, as far as can be seen. Of a group that may use io_uring only the kernel knows who is in it. */
static const char *find_missing(void)
{
	char line[32];

	read_line("/sys/module/fuse/parameters/enable_uring", line, sizeof(line));
	if (!line[0])
		return "the kernel offers no FUSE over io_uring (Linux 6.14 and later do)";
	if (line[0] != 'Y')
		return "it is switched off (/sys/module/fuse/parameters/enable_uring is N)";
	read_line("/proc/sys/kernel/io_uring_disabled", line, sizeof(line));
	if (line[0] == '2')
		return "io_uring is switched off (kernel.io_uring_disabled is 2)";
	if (line[0] == '1') {
		read_line("/proc/sys/kernel/io_uring_group", line, sizeof(line));
		if (line[0] == '-')
			return "io_uring is switched off for users (kernel.io_uring_disabled is 1)";
	}
	return session_carries() ? NULL : "libfuse was built without custom I/O";
}

int uring_queues(const char **missing)
{
	char line[32], rest;
	int last;

	*missing = find_missing();
	if (*missing)
		return 0;
	read_line("/sys/devices/system/cpu/possible", line, sizeof(line));
	if (strcmp(line, "0") == 0)
		return 1;
	if (sscanf(line, "0-%d%c", &last, &rest) == 1 && last > 0 && last < CPU_SETSIZE)
		return last + 1;
	*missing = "the node's CPUs cannot be counted (/sys/devices/system/cpu/possible)";
	return 0;
}
