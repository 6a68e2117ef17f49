/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * entrance.c - see entrance.h.
 *
 * The process was found by its pid a moment ago, and may be another one now. So all is read through
 * one descriptor of its directory in /proc, which stays that process's, and its user and mount
 * namespace must be those that were found: these two are the container.
 */
#include "launcher/running/entrance.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/narrow.h"
#include "launcher/running/process.h"

enum {
	USER,
	MOUNT
};

/* In the order of entering. The user namespace gives the right to all others. */
static const struct {
	const char *name;
	int flag;
	enum namespace as; /* of a container */
	unsigned int what; /* UNSHARE_* */
} kinds[ENTRANCE_KINDS] = {
	[USER] = { "user", CLONE_NEWUSER, NAMESPACE_USER, 0 },
	[MOUNT] = { "mnt", CLONE_NEWNS, NAMESPACE_MOUNT, 0 },
	{ "pid", CLONE_NEWPID, NAMESPACE_PID, UNSHARE_PID },
	{ "net", CLONE_NEWNET, NAMESPACE_NET, UNSHARE_NET },
	{ "ipc", CLONE_NEWIPC, NAMESPACE_IPC, UNSHARE_IPC },
	{ "uts", CLONE_NEWUTS, NAMESPACE_UTS, UNSHARE_UTS },
	{ "cgroup", CLONE_NEWCGROUP, NAMESPACE_COUNT, 0 }, /* of the node's always */
};

static int gone(int cause, struct error *err)
{
	error_set(err, cause == ENOENT || cause == ESRCH ? 0 : cause,
		  "the container ended, or cannot be entered");
	return error_remedy(err, "davit ps shows those of this node");
}

/* Opens one namespace of the process, unless it is ours, too. Returns its number, or 0. */
static ino_t open_ns(int proc, size_t kind, int *fd)
{
	struct stat theirs, ours;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[kind].name);
	*fd = openat(proc, path + strlen("/proc/self/"), O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &theirs) < 0 || stat(path, &ours) < 0)
		return 0;
	if (theirs.st_ino == ours.st_ino) {
		close(*fd);
		*fd = -1;
	}
	return theirs.st_ino;
}

static void read_cwd(int proc, char *cwd)
{
	ssize_t len = readlinkat(proc, "cwd", cwd, PATH_MAX - 1);

	cwd[len > 0 ? len : 0] = '\0';
	if (cwd[0] != '/')
		snprintf(cwd, PATH_MAX, "/");
}

/* What narrow() left the process. */
static enum narrow_to read_narrow(int proc)
{
	cleanup_free char *status = process_read(proc, "status");

	return !status || strstr(status, "\nCapBnd:\t0000000000000000\n") ? NARROW_USER
									  : NARROW_ROOT;
}

int entrance_open(struct entrance *entrance, const struct running *running, struct error *err)
{
	cleanup_close int proc = -1;
	ino_t numbers[ENTRANCE_KINDS];

	proc = process_open(running->pid);
	if (proc < 0)
		return gone(errno, err);
	entrance->env = process_environment(proc, &entrance->env_len);
	if (!entrance->env)
		return gone(errno, err);
	read_cwd(proc, entrance->cwd);
	entrance->narrow = read_narrow(proc);
	for (size_t i = 0; i < ENTRANCE_KINDS; i++) {
		numbers[i] = open_ns(proc, i, &entrance->ns[i]);
		if (numbers[i] == 0)
			return gone(errno, err);
	}
	if (numbers[USER] != running->user_ns || numbers[MOUNT] != running->mount_ns)
		return gone(0, err);
	return 0;
}

int entrance_pass(struct entrance *entrance, struct error *err)
{
	if (narrow_hide(err) < 0)
		return -1;
	for (size_t i = 0; i < ENTRANCE_KINDS; i++) {
		if (entrance->ns[i] < 0)
			continue;
		if (setns(entrance->ns[i], kinds[i].flag) < 0) {
			error_set(err, errno, "cannot enter the container's %s namespace",
				  kinds[i].name);
			return error_remedy(
				err,
				"from inside the job, but outside of any container: srun --overlap --jobid=JOBID");
		}
		entrance->new_pids |= kinds[i].flag == CLONE_NEWPID;
	}
	return 0;
}

int entrance_copy(const struct entrance *entrance, struct namespaces *copy, struct error *err)
{
	for (size_t i = 0; i < ENTRANCE_KINDS; i++) {
		if (entrance->ns[i] < 0 || kinds[i].as == NAMESPACE_COUNT)
			continue;
		copy->fds[kinds[i].as] = fcntl(entrance->ns[i], F_DUPFD_CLOEXEC, 0);
		if (copy->fds[kinds[i].as] < 0)
			return error_set(err, errno, "cannot hand the container on");
		copy->what |= kinds[i].what;
	}
	return 0;
}

void entrance_done(struct entrance *entrance)
{
	for (size_t i = 0; i < ENTRANCE_KINDS; i++)
		if (entrance->ns[i] >= 0)
			close(entrance->ns[i]);
	free(entrance->env);
}
