/* SPDX-License-Identifier: BSD-3-Clause */
/* root.c - see root.h. */

#include "launcher/root.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/home.h"
#include "common/syscalls.h"
#include "launcher/root_point.h"

int root_tmpfs(const char *size, const char *mode, struct error *err)
{
	cleanup_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int mount = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "source", "davit", 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", size, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", mode, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (mount < 0) {
		error_set(err, errno, "cannot mount a tmpfs of size '%s' and mode '%s'", size,
			  mode);
		if (errno == EINVAL)
			error_remedy(err,
				     "size=N with k, m, g or %%, and mode= in octal; see tmpfs(5)");
	}
	return mount;
}

int root_own(struct root *root, int fd, struct error *err)
{
	struct stat st;

	if (root->own_count == ROOT_OWN_MAX)
		return error_set(err, 0, "more than %d file systems", ROOT_OWN_MAX);
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot stat a new mount");
	root->own[root->own_count++] = st.st_dev;
	return 0;
}

int root_attach_below(int mount, struct error *err)
{
	/* On top of "/", where paths of this process do not see it. */
	if (move_mount(mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, errno, "cannot attach the image");
	return 0;
}

int root_path(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len < 0)
		return -1;
	path[len] = '\0';
	return 0;
}

/* The path may mean something else by now. */
static bool is_same(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int root_reopen(int fd, struct error *err)
{
	cleanup_close int again = -1;
	char path[PATH_MAX];

	if (root_path(fd, path) < 0)
		return error_set(err, errno, "cannot tell the path of a directory");
	again = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (again >= 0 && is_same(fd, again))
		return steal_fd(&again);
	error_set(err, again < 0 ? errno : 0, "'%s' was moved or replaced meanwhile", path);
	return error_remedy(err, "leave it where it is while containers start");
}

int root_init(struct root *root, int image, struct error *err)
{
	*root = (struct root){ .fd = image, .dev = -1 };
	return root_attach_below(image, err) < 0 ? -1 : root_own(root, image, err);
}

void root_done(struct root *root)
{
	if (root->dev >= 0)
		close(root->dev);
	root->dev = -1;
}

static int attach_at(struct root *root, int tree, const char *path, bool is_dir,
		     enum mount_create create, struct error *err)
{
	cleanup_close int point = root_open_point(root, path, is_dir, create, err);

	if (point < 0)
		return -1;
	if (move_mount(tree, "", point, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return 0;
	error_set(err, errno, "cannot mount at '%s' in the container", path);
	if (err->errnum == ENOSPC)
		error_remedy(err, "fewer mounts, or ask your admin to raise fs.mount-max");
	return -1;
}

int root_attach(struct root *root, int tree, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(tree, &st) < 0)
		return error_set(err, errno, "cannot stat a mount");
	return attach_at(root, tree, path, S_ISDIR(st.st_mode), CREATE_AUTO, err);
}

static int refuse_source(const char *source, struct error *err)
{
	int cause = errno;

	if (cause == ENOENT || cause == ENOTDIR) {
		error_set(err, 0, "mount source '%s' does not exist on this node", source);
		return error_remedy(err, "check the path and that its file system is mounted here");
	}
	error_set(err, cause, "cannot mount '%s'", source);
	if (cause == EINVAL)
		error_remedy(err, "the flag rbind: other file systems are mounted below it");
	if (cause == EACCES)
		error_remedy(err,
			     "ask its owner, or look at the modes of the directories above it");
	return -1;
}

/* What is memory or message queues has no device files. */
static bool has_devices(const char *source)
{
	return path_is_below(source, "/dev") && !path_is_below(source, "/dev/shm") &&
	       !path_is_below(source, "/dev/mqueue");
}

static int set_attributes(int tree, const struct mountspec *spec, struct error *err)
{
	struct mount_attr attr = {
		.attr_set = spec->attr_set | MOUNT_ATTR_NOSUID,
		.attr_clr = spec->attr_clr,
	};
	unsigned int below = spec->recursive ? AT_RECURSIVE : 0;

	if (spec->kind == MOUNT_BIND && !has_devices(spec->source))
		attr.attr_set |= MOUNT_ATTR_NODEV;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | below, &attr, sizeof(attr)) < 0) {
		error_set(err, errno, "cannot set the flags of the mount at '%s'", spec->target);
		if (err->errnum == EPERM)
			error_remedy(
				err,
				"without flags that undo the node's own (rw, exec, access times): a user may only add to them");
		return -1;
	}
	attr = (struct mount_attr){ .propagation = spec->propagation };
	below = spec->propagate_below ? AT_RECURSIVE : 0;
	if (spec->propagation &&
	    mount_setattr(tree, "", AT_EMPTY_PATH | below, &attr, sizeof(attr)) < 0)
		return error_set(err, errno, "cannot set the propagation of the mount at '%s'",
				 spec->target);
	return 0;
}

static int clone_source(const struct mountspec *spec, struct error *err)
{
	cleanup_free char *source = NULL;
	int tree;

	if (spec->kind == MOUNT_TMPFS)
		return root_tmpfs(spec->size ? spec->size : "50%", spec->mode ? spec->mode : "1777",
				  err);
	source = home_expand(spec->source, err);
	if (!source)
		return -1;
	tree = open_tree(AT_FDCWD, source,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				 (spec->recursive ? AT_RECURSIVE : 0));
	return tree < 0 ? refuse_source(source, err) : tree;
}

int root_open_source(const struct mountspec *spec, struct error *err)
{
	cleanup_close int tree = clone_source(spec, err);

	if (tree < 0 || set_attributes(tree, spec, err) < 0)
		return -1;
	return steal_fd(&tree);
}

int root_place(struct root *root, int tree, const struct mountspec *spec, struct error *err)
{
	struct stat st;
	bool is_dir;

	if (fstat(tree, &st) < 0)
		return error_set(err, errno, "cannot stat '%s'", spec->target);
	is_dir = S_ISDIR(st.st_mode);
	if ((spec->create == CREATE_DIR && !is_dir) || (spec->create == CREATE_FILE && is_dir))
		return error_set(err, 0, "'%s' is %s directory, not what x-create= says",
				 spec->source, is_dir ? "a" : "no");
	if (attach_at(root, tree, spec->target, is_dir, spec->create, err) < 0)
		return -1;
	return spec->kind == MOUNT_TMPFS ? root_own(root, tree, err) : 0;
}

int root_bind(struct root *root, const char *source, const char *target, bool optional,
	      struct error *err)
{
	const struct mountspec spec = { .kind = MOUNT_BIND,
					.create = CREATE_AUTO,
					.recursive = true,
					.source = (char *)(uintptr_t)source,
					.target = (char *)(uintptr_t)target };
	cleanup_close int tree = root_open_source(&spec, err);

	if (tree < 0)
		return optional ? 0 : -1;
	return root_place(root, tree, &spec, err);
}

bool root_has_dev(const struct root *root)
{
	cleanup_close int fd = open_in_root(root->fd, "/dev", O_PATH | O_DIRECTORY);
	struct stat there, own;

	return fd >= 0 && fstat(fd, &there) == 0 && fstat(root->dev, &own) == 0 &&
	       there.st_dev == own.st_dev;
}

/* Writes all of it, whatever the job's limit on the size of files (ulimit -f): that is for the
 * application's files, and going over it kills. */
static int write_unlimited(int fd, const void *data, size_t len)
{
	struct rlimit limit, most;
	sighandler_t handler = signal(SIGXFSZ, SIG_IGN);
	int result;

	getrlimit(RLIMIT_FSIZE, &limit);
	most = limit;
	most.rlim_cur = most.rlim_max;
	(void)setrlimit(RLIMIT_FSIZE, &most);
	result = fd_write_all(fd, data, len);
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	(void)signal(SIGXFSZ, handler);
	return result;
}

int root_put_data(struct root *root, const char *path, const void *data, size_t len,
		  struct error *err)
{
	cleanup_close int file = -1, tree = -1;
	const char *name = strrchr(path, '/') + 1;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	file = openat(root->dev, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0 || write_unlimited(file, data, len) < 0)
		return error_set(err, errno, "cannot write the container's '%s'", path);
	tree = open_tree(root->dev, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return error_set(err, errno, "cannot mount the container's '%s'", path);
	if (root_attach(root, tree, path, err) < 0)
		return -1;
	/* The mount keeps the file; its name in /dev is of no use. */
	(void)unlinkat(root->dev, name, 0);
	return 0;
}

int root_put_file(struct root *root, const char *path, const char *text, struct error *err)
{
	return root_put_data(root, path, text, strlen(text), err);
}

int root_enter(int fd, struct error *err)
{
	cleanup_close int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0 || fchdir(fd) < 0)
		return error_set(err, errno, "cannot enter the container's root");
	if (pivot_root(".", ".") < 0) {
		error_set(err, errno, "cannot make the container's root the root directory");
		return error_remedy(
			err,
			"a node whose own root is an initramfs cannot do this: ask your admin to switch_root to another file system");
	}
	/* Both roots are at "/" now, the old one on top, and on that what root_attach_below() has put
	 * there. Each turn takes the uppermost away; when nothing is left, "." is no mount any more. */
	if (fchdir(old) < 0)
		return error_set(err, errno, "cannot detach the node's root");
	while (umount2(".", MNT_DETACH) == 0)
		;
	if (errno != EINVAL || chdir("/") < 0)
		return error_set(err, errno, "cannot detach the node's root");
	return 0;
}
