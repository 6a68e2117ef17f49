/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * userns.c - see userns.h.
 *
 * The errors of unshare(2) are famously opaque, so they are explained from what the node's settings
 * say. Each explanation names the setting that was read, never a guess alone.
 */
#include "launcher/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

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
	if (setting_is("/proc/sys/user/max_user_namespaces", '0'))
		return error_remedy(err,
				    "ask your admin to raise user.max_user_namespaces (it is 0)");
	if (setting_is("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		return error_remedy(err,
				    "ask your admin to set kernel.unprivileged_userns_clone=1");
	if (cause == ENOSPC)
		return error_remedy(
			err,
			"ask your admin to raise user.max_user_namespaces, or end other containers of yours");
	if (setting_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return error_remedy(
			err,
			"ask your admin for an AppArmor profile that allows davit 'userns', or to set kernel.apparmor_restrict_unprivileged_userns=0");
	if (cause == EPERM && in_chroot())
		return error_remedy(
			err,
			"leave the chroot: the kernel refuses user namespaces inside one (use pivot_root)");
	if (cause == EPERM)
		return error_remedy(
			err,
			"ask your admin whether a chroot, seccomp or a security module forbids user namespaces");
	return -1;
}

static int map_self(uid_t uid, gid_t gid)
{
	char map[64];

	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	if (fd_write_file("/proc/self/uid_map", map) < 0 ||
	    fd_write_file("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return fd_write_file("/proc/self/gid_map", map);
}

int userns_enter(int fd, struct error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (fd >= 0 && setns(fd, CLONE_NEWUSER) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER) < 0)
		return explain(errno, err);
	if (map_self(uid, gid) < 0)
		return explain(errno, err);
	return 0;
}
