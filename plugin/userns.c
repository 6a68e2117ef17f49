/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * userns.c - see userns.h.
 *
 * A child takes the user's effective ids and then creates the namespace, so that it belongs to the
 * user and counts against the user's limit. Only root may map more than one group, so the parent
 * writes the maps and opens the namespace while the child waits. The child does nothing else:
 * between fork and exit of a process that may have threads, only async-signal-safe calls are
 * allowed.
 *
 * Nothing beyond the user's own ids is mapped. Any other would hand holders of CAP_SETUID in the
 * namespace, that is the user, a way to become somebody else.
 */
#include "plugin/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"

/* What the kernel takes: user_namespaces(7). */
#define MAP_MAX   4096 /* bytes: a map must be written at once and be shorter than a page */
#define LINES_MAX 340

struct child {
	pid_t pid;
	int ready;  /* reads an errno when the child has tried */
	int finish; /* closing it lets the child go */
};

/* In the child. The namespace's owner is the effective user at the time of unshare. The real and the
 * saved ids stay root's, so that the user can neither stop nor trace this process. It keeps root's
 * capabilities up to there, since some nodes let nobody else create user namespaces (AppArmor's
 * restriction, Debian's kernel.unprivileged_userns_clone); behind it they count in there only. */
static int become_owner(uid_t uid, gid_t gid)
{
	const uid_t same = (uid_t)-1;

	(void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
	if (setresgid(same, gid, same) < 0 || setresuid(same, uid, same) < 0 ||
	    unshare(CLONE_NEWUSER) < 0)
		return errno;
	return 0;
}

static void close_pair(const int *pair)
{
	close(pair[0]);
	close(pair[1]);
}

static int fork_child(struct child *child, uid_t uid, gid_t gid)
{
	int ready[2], finish[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(finish, O_CLOEXEC) < 0) {
		close_pair(ready);
		return -1;
	}
	child->pid = fork();
	if (child->pid < 0) {
		close_pair(ready);
		close_pair(finish);
		return -1;
	}
	if (child->pid == 0) {
		int error = become_owner(uid, gid);
		char byte;

		close(finish[1]);
		if (write(ready[1], &error, sizeof(error)) == (ssize_t)sizeof(error))
			(void)!read(finish[0], &byte, 1);
		_exit(0);
	}
	close(ready[1]);
	close(finish[0]);
	child->ready = ready[0];
	child->finish = finish[1];
	return 0;
}

static void end_child(struct child *child)
{
	close(child->ready);
	close(child->finish);
	(void)kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int compare(const void *a, const void *b)
{
	gid_t left = *(const gid_t *)a, right = *(const gid_t *)b;

	return left < right ? -1 : left > right;
}

/* One line for each run of consecutive groups, the primary group's first so that it is never left
 * out. A group may be mapped only once. */
static void make_gid_map(char *map, gid_t gid, gid_t *groups, int count)
{
	int len = snprintf(map, MAP_MAX, "%u %u 1\n", gid, gid), lines = 1;

	qsort(groups, (size_t)count, sizeof(*groups), compare);
	for (int i = 0; i < count;) {
		gid_t first = groups[i];
		unsigned int run = 0;
		char line[48];
		int size;

		for (; i < count && groups[i] <= first + run && groups[i] != gid; i++)
			run += groups[i] == first + run;
		if (run == 0) {
			i++; /* the primary group */
			continue;
		}
		size = snprintf(line, sizeof(line), "%u %u %u\n", first, first, run);
		if (len + size >= MAP_MAX || lines++ == LINES_MAX)
			break;
		memcpy(map + len, line, (size_t)size + 1);
		len += size;
	}
}

static int write_proc(pid_t pid, const char *name, const char *text, struct error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	if (fd_write_file(path, text) < 0)
		return error_set(err, errno, "cannot write %s", path);
	return 0;
}

static int map_ids(pid_t pid, uid_t uid, gid_t gid, const gid_t *groups, int count,
		   struct error *err)
{
	cleanup_free gid_t *sorted = calloc((size_t)count + 1, sizeof(*sorted));
	char map[MAP_MAX];

	if (!sorted)
		return error_set(err, ENOMEM, "cannot map the user's groups");
	if (count > 0)
		memcpy(sorted, groups, (size_t)count * sizeof(*sorted));
	if (write_proc(pid, "setgroups", "deny", err) < 0)
		return -1;
	make_gid_map(map, gid, sorted, count);
	if (write_proc(pid, "gid_map", map, err) < 0)
		return -1;
	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	return write_proc(pid, "uid_map", map, err);
}

static int open_namespace(const struct child *child, uid_t uid, gid_t gid, const gid_t *groups,
			  int count, struct error *err)
{
	char path[64];
	int error, fd;
	ssize_t got;

	do
		got = read(child->ready, &error, sizeof(error));
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(error))
		return error_set(err, EPIPE, "cannot create a user namespace");
	if (error)
		return error_set(err, error, "cannot create a user namespace");
	if (map_ids(child->pid, uid, gid, groups, count, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", child->pid);
	fd = open(path, O_RDONLY); /* without O_CLOEXEC: the ranks inherit it */
	return fd < 0 ? error_set(err, errno, "cannot open %s", path) : fd;
}

int userns_create(uid_t uid, gid_t gid, const gid_t *groups, int count, struct error *err)
{
	struct child child;
	int fd;

	if (fork_child(&child, uid, gid) < 0)
		return error_set(err, errno, "cannot start a process to create a user namespace");
	fd = open_namespace(&child, uid, gid, groups, count, err);
	end_child(&child);
	return fd;
}
