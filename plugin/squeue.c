/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squeue.c - see squeue.h.
 *
 * A program of its own, since Slurm 24.11 ends slurmstepd where a plugin calls slurm_load_job() in it.
 */
#include "plugin/squeue.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"

/* Slurm installs PREFIX/sbin/slurmstepd and PREFIX/bin/squeue. */
static int find_program(char *path, size_t size)
{
	static const char program[] = "/bin/squeue";
	ssize_t len = readlink("/proc/self/exe", path, size - sizeof(program));

	if (len < 0)
		return -1;
	path[len] = '\0';
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return -1;
		*slash = '\0';
	}
	strcat(path, program);
	return 0;
}

/* All of it, up to the end or to what fits. */
static void read_output(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t part = 1;

	while (part > 0 && len < size - 1 && child_answers(fd, CHILD_ANSWER_MS)) {
		part = read(fd, text + len, size - 1 - len);
		len += part > 0 ? (size_t)part : 0;
	}
	text[len] = '\0';
}

int squeue_parse(const char *text, uint32_t id, struct verdict_job *job)
{
	int lines = 0;

	for (text += strspn(text, "\n"); *text;
	     text += strcspn(text, "\n"), text += strspn(text, "\n")) {
		struct verdict_job found = { .account = "", .partition = "" };
		uint32_t line_id;

		/* Without accounting there is no account. */
		if (sscanf(text, "%" SCNu32 "%*[ ]%255[^ \n]%*[ ]%255[^\n]", &line_id,
			   found.partition, found.account) < 2 ||
		    line_id != id)
			continue;
		/* What has been cut is another name; and a second line may be part of an account's. */
		if (strlen(found.partition) == 255 || strlen(found.account) == 255 || lines++ > 0)
			return -1;
		*job = found;
	}
	return lines == 1 ? 0 : -1;
}

int squeue_find(const struct child_user *user, uint32_t id, struct verdict_job *job)
{
	char program[PATH_MAX], number[16], conf[PATH_MAX], text[8192];
	const char *known = getenv("SLURM_CONF");
	char *const argv[] = { (char *)(uintptr_t) "squeue",
			       (char *)(uintptr_t) "-h",
			       (char *)(uintptr_t) "-j",
			       number,
			       (char *)(uintptr_t) "-o",
			       (char *)(uintptr_t) "%A %P %a",
			       NULL };
	char *const env[] = { known ? conf : NULL, NULL };
	cleanup_close int near = -1, far = -1;
	int ends[2];
	pid_t pid;

	if (find_program(program, sizeof(program)) < 0 ||
	    snprintf(conf, sizeof(conf), "SLURM_CONF=%s", known ? known : "") >=
		    (int)sizeof(conf) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	near = ends[0];
	far = ends[1];
	snprintf(number, sizeof(number), "%" PRIu32, id);
	const int fds[] = { -1, far, -1 };

	pid = child_start(user, program, argv, env, fds, sizeof(fds) / sizeof(fds[0]));
	close(steal_fd(&far));
	if (pid < 0)
		return -1;
	read_output(near, text, sizeof(text));
	child_end(pid);
	return squeue_parse(text, id, job);
}
