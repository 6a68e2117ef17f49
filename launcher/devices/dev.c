/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev.c - see dev.h.
 *
 * No device node can be created in a user namespace, so those of the node are bound one by one.
 * Terminals are not the node's: nothing in a container needs to see other people's, and /dev/ptmx
 * only works beside an instance of devpts that allows it.
 */

#include "launcher/devices/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/syscalls.h"

static const char *const nodes[] = { "/dev/null",   "/dev/zero",    "/dev/full",
				     "/dev/random", "/dev/urandom", "/dev/tty" };

/* With these, where a node has them, MPI libraries copy from rank to rank. */
static const char *const copiers[] = { "/dev/xpmem", "/dev/knem" };

/* clang-format off */
static const struct { const char *target, *name; } links[] = {
	{ "/proc/self/fd",   "fd" },
	{ "/proc/self/fd/0", "stdin" },
	{ "/proc/self/fd/1", "stdout" },
	{ "/proc/self/fd/2", "stderr" },
	{ "pts/ptmx",        "ptmx" },
};
/* clang-format on */

static int mount_pts(struct root *root, struct error *err)
{
	cleanup_close int fs = fsopen("devpts", FSOPEN_CLOEXEC);
	cleanup_close int mount = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "ptmxmode", "0666", 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0620", 0) == 0 &&
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (mount < 0)
		return error_set(err, errno, "cannot mount a devpts");
	return root_attach(root, mount, "/dev/pts", err);
}

static int mount_console(struct root *root, struct error *err)
{
	char tty[PATH_MAX];
	ssize_t len;

	if (!isatty(STDIN_FILENO))
		return 0;
	len = readlink("/proc/self/fd/0", tty, sizeof(tty) - 1);
	if (len < 0)
		return 0;
	tty[len] = '\0';
	return root_bind(root, tty, "/dev/console", true, err);
}

int dev_mount(struct root *root, struct error *err)
{
	root->dev = root_tmpfs("4m", "0755", err);
	if (root->dev < 0 || root_attach(root, root->dev, "/dev", err) < 0 ||
	    root_own(root, root->dev, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (root_bind(root, nodes[i], nodes[i], false, err) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(copiers) / sizeof(copiers[0]); i++)
		if (root_bind(root, copiers[i], copiers[i], true, err) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i].target, root->dev, links[i].name) < 0)
			return error_set(err, errno, "cannot make the link '/dev/%s'",
					 links[i].name);
	return mount_pts(root, err) < 0 || mount_console(root, err) < 0 ? -1 : 0;
}

int dev_add_file(struct root *root, const char *path, const void *data, size_t len,
		 struct error *err)
{
	cleanup_close int fd = openat(root->dev, path + strlen("/dev/"),
				      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);

	if (fd < 0 || fd_write_all(fd, data, len) < 0)
		return error_set(err, errno, "cannot make '%s'", path);
	return 0;
}

int dev_seal(struct root *root, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC };

	if (mount_setattr(root->dev, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return error_set(err, errno, "cannot make the container's /dev read-only");
	return 0;
}
