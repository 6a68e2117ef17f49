/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * userns.c - see userns.h.
 *
 * The errors of unshare(2) are famously opaque, so they are explained from what the node's settings
 * say. Each explanation names the setting that was read, never a guess alone.
 *
 * A process may map only itself in its own new namespace. More than that takes a right in the one
 * that it came from, so a child stays behind there and writes the maps.
 */
#include "launcher/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/security/filter.h"
#include "launcher/subids.h"

/* What the kernel takes: user_namespaces(7). */
#define MAP_MAX   4096 /* bytes: a map must be written at once and be shorter than a page */
#define LINES_MAX 340

#define OVERFLOW 65534 /* what a group without a number in this namespace looks like */

/* Is the setting `path` there, and 0 or 1 as `value` says? */
static bool setting_is(const char *path, char value)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[2] = "";

	return fd >= 0 && read(fd, text, 2) == 2 && text[0] == value && text[1] == '\n';
}

/* Without a mount on "/" in sight, the root directory is not that of the mount namespace. */
static bool in_chroot(void)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getline(&line, &size, mounts) >= 0) {
		char point[3] = "";

		found = sscanf(line, "%*s %*s %*s %*s %2s", point) == 1 && strcmp(point, "/") == 0;
	}
	fclose(mounts);
	return !found;
}

static int explain(int cause, struct error *err)
{
	error_set(err, cause, "cannot create a user namespace");
	/* What unshare(2) says of a process with threads, of which the launcher starts none. */
	if (cause == EINVAL)
		return error_remedy(
			err,
			"unset LD_PRELOAD, or have the library in it start no thread (--container-env sets it for the command alone)");
	if (access(FILTER_FILE, F_OK) == 0)
		return error_remedy(
			err,
			"--container-security=seccomp:allow:namespaces,seccomp:allow:mount for the container that this one is to be in");
	if (setting_is("/proc/sys/user/max_user_namespaces", '0'))
		return error_remedy(
			err,
			"ask your admin to raise user.max_user_namespaces (it is 0; davit doctor tells more)");
	if (setting_is("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		return error_remedy(
			err,
			"ask your admin to set kernel.unprivileged_userns_clone=1 (davit doctor tells more)");
	if (cause == ENOSPC)
		return error_remedy(
			err,
			"ask your admin to raise user.max_user_namespaces, or end other containers of yours");
	if (setting_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return error_remedy(
			err,
			"ask your admin for an AppArmor profile that allows davit 'userns', or to set kernel.apparmor_restrict_unprivileged_userns=0 (davit doctor tells more)");
	if (cause == EPERM && in_chroot())
		return error_remedy(
			err,
			"leave the chroot: the kernel refuses user namespaces inside one (use pivot_root)");
	if (cause == EPERM)
		return error_remedy(
			err,
			"ask your admin whether a chroot, seccomp or a security module forbids user namespaces (davit doctor tells more)");
	return -1;
}

/* The one user and one group that a process may map by itself, as these numbers. */
static int map_self(uid_t inside_uid, uid_t uid, gid_t inside_gid, gid_t gid)
{
	char map[64];

	snprintf(map, sizeof(map), "%u %u 1\n", inside_uid, uid);
	if (fd_write_file("/proc/self/uid_map", map) < 0 ||
	    fd_write_file("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(map, sizeof(map), "%u %u 1\n", inside_gid, gid);
	return fd_write_file("/proc/self/gid_map", map);
}

static int enter_own(bool remap_root, struct error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) < 0 ||
	    map_self(remap_root ? 0 : uid, uid, remap_root ? 0 : gid, gid) < 0)
		return explain(errno, err);
	return 0;
}

/* How a new namespace is mapped from outside: either way root stands for the user. */
struct maps {
	const struct subids *subids; /* or NULL: */
	char gid_map[MAP_MAX];
};

/* Root stands for the primary group, and each other group for itself. A group without a number in
 * this namespace is out of reach; so is group 0, whose number is taken. */
static int plan_nested(struct maps *maps, struct error *err)
{
	int count = getgroups(0, NULL), lines = 1;
	cleanup_free gid_t *groups = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof(*groups));
	int len = snprintf(maps->gid_map, MAP_MAX, "0 %u 1\n", getegid());

	if (!groups)
		return error_set(err, ENOMEM, "cannot map the user's groups");
	count = getgroups(count, groups);
	for (int i = 0; i < count && lines < LINES_MAX; i++) {
		char line[48];
		int size = snprintf(line, sizeof(line), "%u %u 1\n", groups[i], groups[i]);

		if (groups[i] == 0 || groups[i] == OVERFLOW || groups[i] == getegid() ||
		    (i > 0 && groups[i] == groups[i - 1])) /* the kernel sorts them */
			continue;
		if (len + size >= MAP_MAX)
			break;
		memcpy(maps->gid_map + len, line, (size_t)size + 1);
		len += size;
		lines++;
	}
	return 0;
}

static int write_map(pid_t pid, const char *name, const char *text, struct error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	if (fd_write_file(path, text) < 0)
		return error_set(err, errno, "cannot write %s", path);
	return 0;
}

static int write_maps(const struct maps *maps, pid_t pid, struct error *err)
{
	char uid_map[32];

	if (maps->subids)
		return subids_map(maps->subids, pid, err);
	if (write_map(pid, "gid_map", maps->gid_map, err) < 0)
		return -1;
	snprintf(uid_map, sizeof(uid_map), "0 %u 1\n", geteuid());
	return write_map(pid, "uid_map", uid_map, err);
}

/* The process that stays behind in the old namespace, where the right to map several ids is. Waits
 * for the word that the new one is there, and answers with what went wrong, if anything did. */
static _Noreturn void stay_behind(const struct maps *maps, pid_t pid, int channel)
{
	struct error err = ERROR_INIT;
	char byte;

	if (read(channel, &byte, 1) == 1) {
		(void)write_maps(maps, pid, &err);
		(void)send(channel, &err, sizeof(err), MSG_NOSIGNAL);
	}
	_exit(0);
}

static int enter_new(int channel, struct error *err)
{
	struct error answer;

	if (unshare(CLONE_NEWUSER) < 0)
		return explain(errno, err);
	/* Whatever has happened to this process: its files in /proc are to be the user's. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (send(channel, "", 1, MSG_NOSIGNAL) != 1 ||
	    recv(channel, &answer, sizeof(answer), 0) != (ssize_t)sizeof(answer))
		return error_set(err, EPIPE, "cannot map the ids of a user namespace");
	if (!answer.cause[0])
		return 0;
	*err = answer;
	return error_wrap(err, "cannot map the ids of a user namespace");
}

/* Enters a new namespace whose maps are written from the old one. */
static int enter_mapped(const struct maps *maps, struct error *err)
{
	cleanup_close int near = -1, far = -1;
	sighandler_t handler;
	pid_t self = getpid(), pid;
	int pair[2], result = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot create a user namespace");
	near = pair[0];
	far = pair[1];
	/* Where it is ignored, nobody can be waited for. */
	handler = signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		close(near);
		stay_behind(maps, self, far);
	}
	close(steal_fd(&far));
	if (pid < 0)
		error_set(err, errno, "cannot create a user namespace");
	else
		result = enter_new(near, err);
	close(steal_fd(&near));
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	(void)signal(SIGCHLD, handler);
	return result;
}

int userns_enter(const struct userns_request *request, struct error *err)
{
	struct maps maps = { .subids = NULL };
	struct subids subids;

	if (request->remap_root && request->subids) {
		maps.subids = &subids;
		return subids_find(&subids, err) < 0 ? -1 : enter_mapped(&maps, err);
	}
	if (request->fd < 0 || setns(request->fd, CLONE_NEWUSER) < 0)
		return enter_own(request->remap_root, err);
	if (!request->remap_root)
		return 0;
	return plan_nested(&maps, err) < 0 ? -1 : enter_mapped(&maps, err);
}
