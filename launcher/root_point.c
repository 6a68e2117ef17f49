/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * root_point.c - see root_point.h.
 *
 * A mount point that is missing is made from its parents down, each found again from the root, so that a hostile
 * image's links lead nowhere else. Dangling links are followed to what they name, a bounded number of times.
 */
#include "launcher/root_point.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"

#define LINKS_MAX 8   /* dangling links followed to make one mount point */
#define DEPTH_MAX 256 /* directories made for one mount point */

static int make_mount_point(const struct root *root, const char *path, bool is_dir, int links,
			    struct error *err);

static bool is_own(const struct root *root, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < root->own_count; i++)
		if (root->own[i] == st.st_dev)
			return true;
	return false;
}

static int refuse_point(const char *path, struct error *err)
{
	int cause = errno;

	error_set(err, cause, "cannot reach '%s' in the container", path);
	if (cause == ELOOP || cause == ENOTDIR)
		error_remedy(
			err,
			"another image, or --container-mounts=umount:%s: on the way there the image has a link or file that leads nowhere",
			path);
	if (cause == ENOENT)
		error_remedy(err, "x-create=auto, or another target");
	return -1;
}

/* Opens the directory above `path`, made if need be, and gives the last name of `path`. */
static int open_parent(const struct root *root, const char *path, const char **name, int links,
		       struct error *err)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = strndup(path, (size_t)(slash - path));

	*name = slash + 1;
	if (!parent)
		return error_set(err, ENOMEM, "cannot make '%s'", path);
	return make_mount_point(root, parent[0] ? parent : "/", true, links, err);
}

/* Mount points are made from their parents down; this bounds how deep that goes. */
static bool is_deep(const char *path)
{
	size_t depth = 0;

	for (; *path; path++)
		depth += *path == '/';
	return depth > DEPTH_MAX;
}

/* Is the last component of `path` one that can be made? */
static bool has_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* `name` in `parent` is a dangling link: makes what it points to. Returns -2 if it is no link. */
static int follow_dangling(const struct root *root, int parent, const char *name, const char *path,
			   bool is_dir, int links, struct error *err)
{
	cleanup_free char *link = calloc(1, PATH_MAX), *target = NULL;
	ssize_t len = link ? readlinkat(parent, name, link, PATH_MAX - 1) : -1;

	if (len < 0)
		return -2;
	while (len > 1 && link[len - 1] == '/')
		link[--len] = '\0';
	if (links == 0 || is_deep(link) || !has_name(link)) {
		errno = ELOOP;
		return refuse_point(path, err);
	}
	if (link[0] == '/')
		target = strdup(link);
	else if (asprintf(&target, "%.*s%s", (int)(name - path), path, link) < 0)
		target = NULL;
	if (!target)
		return error_set(err, ENOMEM, "cannot make '%s'", path);
	return make_mount_point(root, target, is_dir, links - 1, err);
}

static int make_mount_point(const struct root *root, const char *path, bool is_dir, int links,
			    struct error *err)
{
	cleanup_close int parent = -1;
	const char *name;
	int fd = open_in_root(root->fd, path, O_PATH);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return refuse_point(path, err);
	parent = open_parent(root, path, &name, links, err);
	if (parent < 0)
		return -1;
	fd = follow_dangling(root, parent, name, path, is_dir, links, err);
	if (fd != -2)
		return fd;
	if (!is_own(root, parent)) {
		error_set(
			err, 0,
			"no mount point '%s' in the container, and the directory above it is the node's",
			path);
		return error_remedy(err, "mkdir %s, or mount elsewhere", path);
	}
	if ((is_dir ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0)) < 0) {
		error_set(err, errno, "cannot make the mount point '%s'", path);
		if (err->errnum == ENOSPC)
			error_remedy(
				err,
				"an image that has these directories, or tmpfs:DIR as a mount above them");
		return -1;
	}
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "cannot open the mount point '%s'", path);
	return fd;
}

int root_open_point(const struct root *root, const char *path, bool is_dir,
		    enum mount_create create, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (is_deep(path))
		return error_set(err, ENAMETOOLONG, "mount point of more than %d directories",
				 DEPTH_MAX);
	if (create == CREATE_NONE) {
		fd = open_in_root(root->fd, path, O_PATH);
		if (fd < 0)
			return refuse_point(path, err);
	} else {
		fd = make_mount_point(root, path, is_dir, LINKS_MAX, err);
		if (fd < 0)
			return -1;
	}
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot stat '%s' in the container", path);
	if (S_ISDIR(st.st_mode) != is_dir) {
		error_set(
			err, 0,
			"'%s' in the container is %s directory, unlike what is to be mounted there",
			path, is_dir ? "no" : "a");
		return error_remedy(err, "mount it elsewhere");
	}
	return steal_fd(&fd);
}
