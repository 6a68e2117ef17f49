/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * extract_file.c - see extract_inner.h.
 *
 * A regular file is written without a name, or beside where the file system has none without, and named when its
 * content and attributes are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/image/extract_inner.h"

#define KEPT 01777 /* of a mode: a program that runs as its owner is nobody's wish */

int making_fail(const struct making *making, const char *what, int errnum)
{
	struct error *err = making->to->err;

	error_set(err, errnum, "cannot %s '%s/%s'", what, making->to->dir, making->path);
	if (errnum == ENOSPC || errnum == EDQUOT)
		error_remedy(err, "a directory of a file system with more room; what was extracted "
				  "so far is there");
	if (errnum == EEXIST)
		error_remedy(err, "an empty directory, or --force to replace what is there");
	if (errnum == EISDIR)
		error_remedy(err, "remove the directory first");
	if (errnum == ELOOP || errnum == ENOTDIR)
		error_remedy(err, "an empty directory: links in it are not followed");
	return -1;
}

int making_fail_read(const struct making *making, int errnum)
{
	return direct_fail(&making->to->opened->image, making->at->path, errnum, making->to->err);
}

bool making_room(const struct making *making)
{
	return errno == EEXIST && making->to->replaces &&
	       unlinkat(making->to->parent, making->at->name, 0) == 0;
}

/* ---- attributes -------------------------------------------------------------------------------- */

/* Sets one attribute of `fd`. Returns 0, or -1 with the error set. */
static int copy_attribute(const struct making *making, int fd, const char *name)
{
	cleanup_free char *value = malloc(XATTR_SIZE_MAX);
	size_t len = 0;
	int error = value ? squash_getxattr(making->to->opened->direct.squash, making->at->inode,
					    name, value, XATTR_SIZE_MAX, &len)
			  : ENOMEM;

	if (error)
		return making_fail_read(making, error);
	if (fsetxattr(fd, name, value, len, 0) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EPERM)
		return making_fail(making, "set an attribute of", errno);
	making->to->lost_attributes++;
	return 0;
}

static int copy_attributes(const struct making *making, int fd)
{
	struct squash *squash = making->to->opened->direct.squash;
	cleanup_free char *list = squash_has_xattrs(squash) ? malloc(XATTR_LIST_MAX) : NULL;
	size_t len = 0;
	int error, result = 0;

	if (!squash_has_xattrs(squash))
		return 0;
	error = list ? squash_listxattr(squash, making->at->inode, list, XATTR_LIST_MAX, &len)
		     : ENOMEM;
	if (error)
		return making_fail_read(making, error);
	for (const char *name = list; result == 0 && name < list + len; name += strlen(name) + 1)
		if (strncmp(name, "user.", strlen("user.")) == 0)
			result = copy_attribute(making, fd, name);
	return result;
}

int making_finish(const struct making *making, int fd)
{
	const struct stat *st = making->at->st;
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = st->st_mtime } };

	if (copy_attributes(making, fd) < 0)
		return -1;
	if (fchmod(fd, st->st_mode & KEPT) < 0 || futimens(fd, times) < 0)
		return making_fail(making, "set the mode of", errno);
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------- */

static int write_stretch(const struct making *making, int fd, off_t at, off_t size)
{
	const struct direct *direct = &making->to->opened->direct;

	for (off_t end = at + size; at < end;) {
		size_t want = end - at < (off_t)EXTRACT_PIECE ? (size_t)(end - at) : EXTRACT_PIECE,
		       got, done = 0;
		int error = direct_read(direct, making->at->inode, at, making->to->buf, want, &got);

		if (error || got == 0)
			return making_fail_read(making, error ? error : EIO);
		while (done < got) {
			ssize_t n =
				pwrite(fd, making->to->buf + done, got - done, at + (off_t)done);

			if (n < 0 && errno != EINTR)
				return making_fail(making, "write", errno);
			done += n > 0 ? (size_t)n : 0;
		}
		at += (off_t)got;
	}
	return 0;
}

/* What is a hole in the image is one in the file. */
static int write_content(const struct making *making, int fd)
{
	off_t at = 0, hole, data;
	int error;

	if (ftruncate(fd, making->at->st->st_size) < 0)
		return making_fail(making, "write", errno);
	do {
		error = direct_stretch(&making->to->opened->direct, making->at->inode, at, &hole,
				       &data);
		if (error)
			return making_fail_read(making, error);
		if (write_stretch(making, fd, at + hole, data) < 0)
			return -1;
		at += hole + data;
	} while (hole + data > 0);
	return 0;
}

/* A file that gets its name when it is whole. Where the file system has none without a name, it has another
 * beside until then. */
struct fresh {
	int fd;
	char temporary[32]; /* "": it has no name */
};

/* Whether something is in the way that stays; errno says what. */
static bool is_taken(const struct making *making)
{
	struct stat st;

	if (fstatat(making->to->parent, making->at->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	errno = making->to->replaces ? EISDIR : EEXIST;
	return !making->to->replaces || S_ISDIR(st.st_mode);
}

static int create(const struct making *making, struct fresh *fresh)
{
	int parent = making->to->parent;

	if (is_taken(making))
		return making_fail(making, "make", errno);
	fresh->temporary[0] = '\0';
	fresh->fd = openat(parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fresh->fd >= 0)
		return 0;
	snprintf(fresh->temporary, sizeof(fresh->temporary), ".davit-%d", getpid());
	fresh->fd = openat(parent, fresh->temporary,
			   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fresh->fd < 0 ? making_fail(making, "make", errno) : 0;
}

static int give_name(const struct making *making, const struct fresh *fresh)
{
	int parent = making->to->parent, result;
	const char *name = making->at->name;
	char from[64];

	/* NFS has no rename that replaces nothing. */
	if (fresh->temporary[0])
		return is_taken(making) ? -1 : renameat(parent, fresh->temporary, parent, name);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fresh->fd);
	result = linkat(AT_FDCWD, from, parent, name, AT_SYMLINK_FOLLOW);
	if (result < 0 && making_room(making))
		result = linkat(AT_FDCWD, from, parent, name, AT_SYMLINK_FOLLOW);
	return result;
}

int making_file(const struct making *making)
{
	struct fresh fresh;
	int result;

	if (create(making, &fresh) < 0)
		return -1;
	result = write_content(making, fresh.fd);
	if (result == 0)
		result = making_finish(making, fresh.fd);
	if (result == 0 && give_name(making, &fresh) < 0)
		result = making_fail(making, "make", errno);
	else if (result == 0)
		fresh.temporary[0] = '\0';
	/* Some file systems tell only now that there is no room. */
	if (close(fresh.fd) < 0 && result == 0) {
		result = making_fail(making, "write", errno);
		(void)unlinkat(making->to->parent, making->at->name, 0);
	}
	if (fresh.temporary[0])
		(void)unlinkat(making->to->parent, fresh.temporary, 0);
	return result;
}
