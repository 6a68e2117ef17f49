/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * overlay.c - see overlay.h.
 *
 * The kernel takes layers by path only, and only from mounts that are attached in this mount
 * namespace. So paths are those of descriptors in /proc/self/fd.
 */
#include "launcher/overlay.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/fd.h"
#include "common/home.h"
#include "common/syscalls.h"
#include "launcher/root.h"

static const char *const parts[] = { "upper", "work" };

static int make_parts(int dir, struct error *err)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (mkdirat(dir, parts[i], 0755) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot create '%s'", parts[i]);
	return 0;
}

static int open_layer(const char *path, struct error *err)
{
	cleanup_close int dir = -1;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create the directory");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_set(err, errno, "cannot open the directory");
	if (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return error_set(err, errno, "cannot lock the directory");
		error_set(err, 0, "another container on this node writes there");
		err->errnum = EBUSY;
		return error_remedy(err, "another directory, or wait until that one has ended");
	}
	return make_parts(dir, err) < 0 ? -1 : steal_fd(&dir);
}

int overlay_prepare(const char *name, struct error *err)
{
	cleanup_free char *path = home_expand(name, err);
	int dir = path ? open_layer(path, err) : -1;

	if (dir >= 0)
		return dir;
	error_remedy(err, "a directory of your own on a local file system of the node");
	return error_wrap(err, "writable layer '%s'", name);
}

/* A layer must be able to keep all that a file can have. */
static const char *file_system_name(int dir)
{
	/* statfs(2) has some of them; the others are from their sources. */
	static const struct {
		unsigned int magic;
		const char *name;
	} unfit[] = {
		{ NFS_SUPER_MAGIC, "NFS" },
		{ 0x0bd00bd0, "Lustre" },
		{ 0x47504653, "GPFS" },
		{ FUSE_SUPER_MAGIC, "FUSE" },
		{ OVERLAYFS_SUPER_MAGIC, "overlay" },
		{ 0x00c36400, "Ceph" },
		{ 0x19830326, "BeeGFS" },
		{ MSDOS_SUPER_MAGIC, "FAT" },
		{ 0xfe534d42, "SMB" },
		{ 0xff534d42, "SMB" },
	};
	struct statfs st;

	if (fstatfs(dir, &st) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		if ((unsigned int)st.f_type == unfit[i].magic)
			return unfit[i].name;
	return NULL;
}

/* A link in place of a part would let a container that may write to the layer from outside have any
 * directory of the user's mounted in the next one. */
static int open_part(int layer, const char *part)
{
	return openat(layer, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int set_layer(int fs, const char *key, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0);
}

static int mount_layers(int lower, int layer, struct error *err)
{
	cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	cleanup_close int upper = open_part(layer, parts[0]), work = open_part(layer, parts[1]);
	int mount = -1;

	if (upper < 0 || work < 0)
		return error_set(err, errno, "cannot open a part of the writable layer");

	if (fs < 0 && errno == ENODEV) {
		error_set(err, ENODEV, "cannot mount an overlay");
		return error_remedy(
			err, "ask your admin to load the kernel module overlay (modprobe overlay)");
	}
	if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "source", "davit", 0) == 0 &&
	    set_layer(fs, "lowerdir", lower) == 0 && set_layer(fs, "upperdir", upper) == 0 &&
	    set_layer(fs, "workdir", work) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (mount < 0)
		error_set(err, errno, "cannot mount an overlay");
	return mount;
}

/* Makes the directory `path` where all above it are directories of the layer: somebody may have filled
 * that with links, which count inside the container only. */
static int make_below(int upper, char *path)
{
	char *slash = strrchr(path, '/');
	cleanup_close int parent = -1;

	if (!slash)
		return mkdirat(upper, path, 0755);
	*slash = '\0';
	parent = open_in_root(upper, path, O_PATH | O_DIRECTORY);
	*slash = '/';
	return parent < 0 ? 0 : mkdirat(parent, slash + 1, 0755);
}

/* Creates in `upper` what `lower` has at `path`, a directory, with all above it. */
static int mirror_directory(int lower, int upper, const char *path)
{
	cleanup_close int top = open_in_root(lower, "/", O_PATH | O_DIRECTORY);
	cleanup_close int there = open_in_root(lower, path, O_PATH | O_DIRECTORY);
	char root[PATH_MAX], real[PATH_MAX];
	size_t len;

	/* What is not there is going to be made in the container, by the user. */
	if (top < 0 || there < 0 || root_path(top, root) < 0 || root_path(there, real) < 0)
		return 0;
	len = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(real, root, len) != 0)
		return 0;
	for (char *at = real + len; *at; at++) {
		char end;

		at += 1 + strcspn(at + 1, "/");
		end = *at;
		*at = '\0';
		if (real[len + 1] && make_below(upper, real + len + 1) < 0 && errno != EEXIST)
			return -1;
		*at = end;
		at -= 1;
	}
	return 0;
}

/* The directories above `path`, and it itself. */
static int mirror_all(int lower, int upper, const char *path)
{
	cleanup_free char *copy = strdup(path);

	if (!copy)
		return -1;
	for (char *at = copy; *at;) {
		char end;

		at += 1 + strcspn(at + 1, "/");
		end = *at;
		*at = '\0';
		if (mirror_directory(lower, upper, copy) < 0)
			return -1;
		*at = end;
	}
	return 0;
}

static int mirror_points(int lower, int layer, const struct mountlist *points, struct error *err)
{
	static const char *const always[] = { "/etc", "/usr/bin", "/etc/apt/apt.conf.d" };
	cleanup_close int upper = open_part(layer, parts[0]);
	int result = 0;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		result |= mirror_all(lower, upper, always[i]);
	for (size_t i = 0; i < points->count; i++)
		result |= mirror_all(lower, upper, points->items[i].target);
	return result < 0 ? error_set(err, errno, "cannot create directories in the layer") : 0;
}

int overlay_open(int dir, const char *size, struct error *err)
{
	cleanup_close int layer = -1;

	if (dir >= 0)
		return root_reopen(dir, err);
	layer = root_tmpfs(size, "0755", err);
	return layer < 0 || make_parts(layer, err) < 0 ? -1 : steal_fd(&layer);
}

int overlay_attach(int dir, int layer, struct error *err)
{
	return dir >= 0 ? 0 : root_attach_below(layer, err);
}

int overlay_mount(int lower, int layer, const struct mountlist *points, struct error *err)
{
	const char *unfit = file_system_name(layer);
	int mount;

	if (points && mirror_points(lower, layer, points, err) < 0)
		return -1;
	mount = mount_layers(lower, layer, err);
	if (mount < 0 && unfit) {
		error_wrap(err, "the writable layer is on %s, which cannot hold one", unfit);
		error_remedy(err, "a directory on a local file system, or --container-writable");
	}
	return mount;
}
