/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy.c - see copy.h.
 *
 * The target may be a hostile image's: each path in it is resolved by the kernel, in its root, and
 * what is there under a name is removed rather than written to.
 */
#include "images/build/copy.h"

#include <dirent.h>
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
#include "images/attributes.h"
#include "images/build/sources.h"

#define DEPTH_MAX 250 /* directories below each other, each of which is open twice */
#define CHUNK     ((size_t)256 << 10)

static int open_there(int root, const char *path)
{
	return open_in_root_how(root, path, O_PATH | O_DIRECTORY, RESOLVE_NO_XDEV);
}

static int refuse_there(const char *path, struct error *err)
{
	return error_set(err, errno, "cannot create directory '%s'", path);
}

int copy_make_directory(int root, const char *path, struct error *err)
{
	cleanup_free char *copy = strdup(path);
	cleanup_close int dir = open_there(root, "/");

	if (!copy)
		return error_set(err, ENOMEM, "cannot keep a path");
	for (char *at = copy; dir >= 0 && *at;) {
		char *name = at + strspn(at, "/"), *end = name + strcspn(name, "/"), was = *end;
		int next;

		*end = '\0';
		next = open_there(root, copy);
		if (next < 0 && errno == ENOENT &&
		    (mkdirat(dir, name, 0755) == 0 || errno == EEXIST))
			next = open_there(root, copy);
		if (next < 0)
			return refuse_there(copy, err);
		close(dir);
		dir = next;
		*end = was;
		at = end + strspn(end, "/");
		if (!*at)
			break;
	}
	return dir < 0 ? refuse_there(path, err) : steal_fd(&dir);
}

/* Makes way for a file or link of that name. */
static int remove_old(int dir, const char *name, struct error *err)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR) {
		error_set(err, 0, "'%s' is a directory in the image", name);
		return error_remedy(err, "RUN rm -r first, or another name");
	}
	if (errno == EBUSY) {
		error_set(err, 0, "'%s' belongs to the node while the image is built", name);
		return error_remedy(err, "another name");
	}
	return error_set(err, errno, "cannot replace '%s'", name);
}

/* On what is a mount point elsewhere the kernel lets nothing be done but write. */
static int create(int dir, const char *name, struct error *err)
{
	int fd;

	if (unlinkat(dir, name, 0) < 0 && errno == EBUSY) {
		fd = openat(dir, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	} else {
		if (remove_old(dir, name, err) < 0)
			return -1;
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	return fd < 0 ? error_set(err, errno, "cannot create '%s'", name) : fd;
}

int copy_put_file(int root, const char *path, const char *name, const char *text, struct error *err)
{
	cleanup_close int dir = copy_make_directory(root, path, err);
	cleanup_close int fd = dir < 0 ? -1 : create(dir, name, err);

	if (fd < 0)
		return -1;
	if (fd_write_all(fd, text, strlen(text)) < 0 || fchmod(fd, 0644) < 0)
		return error_set(err, errno, "cannot write '%s'", name);
	return 0;
}

static int copy_bytes(int from, int to)
{
	cleanup_free char *buf = malloc(CHUNK);
	ssize_t n;

	if (!buf)
		return -1;
	do {
		n = read(from, buf, CHUNK);
		if (n > 0 && fd_write_all(to, buf, (size_t)n) < 0)
			return -1;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -1 : 0;
}

static mode_t choose_mode(const struct copy *copy, const struct stat *st)
{
	return copy->mode >= 0 ? (mode_t)copy->mode : st->st_mode & 07777;
}

static int copy_file(const struct copy *copy, int from, const struct stat *st, int dir,
		     const char *name, struct error *err)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };
	cleanup_close int to = create(dir, name, err);

	if (to < 0)
		return -1;
	/* Before the mode: chmod(2) takes no capability away, writing does. */
	if (copy_bytes(from, to) < 0 || attributes_copy(from, to) < 0 ||
	    fchmod(to, choose_mode(copy, st)) < 0 || futimens(to, times) < 0)
		return error_set(err, errno, "cannot copy '%s'", name);
	return 0;
}

static int copy_link(int from, const char *name, const struct stat *st, int dir, struct error *err)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };
	char text[PATH_MAX];
	ssize_t len = readlinkat(from, name, text, sizeof(text) - 1);

	if (len < 0)
		return error_set(err, errno, "cannot read the link '%s'", name);
	text[len] = '\0';
	if (remove_old(dir, name, err) < 0)
		return -1;
	if (symlinkat(text, dir, name) < 0 || utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "cannot create the link '%s'", name);
	return 0;
}

static int refuse_kind(const char *path, struct error *err)
{
	error_set(err, 0, "'%s' is neither a file, a directory nor a link", path);
	return error_remedy(err, "a line in .dockerignore leaves it out");
}

static int copy_entries(const struct copy *copy, int from, const char *path, int to, int depth,
			struct error *err);

static int open_target(int dir, const char *name, bool *is_new, struct error *err)
{
	struct stat there;
	int fd;

	*is_new = mkdirat(dir, name, 0700) == 0;
	if (!*is_new && errno != EEXIST)
		return error_set(err, errno, "cannot create directory '%s'", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISDIR(there.st_mode)) {
		error_set(err, 0, "'%s' is no directory in the image", name);
		return error_remedy(err, "RUN rm first, or another name");
	}
	if (fd < 0)
		return error_set(err, errno, "cannot open directory '%s'", name);
	return fd;
}

/* One that is ignored is there only for the sake of what is taken back in it. */
static int copy_directory(const struct copy *copy, int parent, const char *name, const char *path,
			  const struct stat *st, int dir, int depth, struct error *err)
{
	bool is_ignored = copy->ignore && ignore_has(copy->ignore, path);
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };
	cleanup_close int from = -1, to = -1;
	bool is_new;

	if (depth == DEPTH_MAX)
		return error_set(err, ELOOP, "cannot copy '%s'", path);
	from = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	to = open_target(dir, name, &is_new, err);
	if (to < 0 || copy_entries(copy, from, path, to, depth + 1, err) < 0)
		return -1;
	if (is_new && is_ignored && unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	if (is_new && (attributes_copy(from, to) < 0 || fchmod(to, choose_mode(copy, st)) < 0 ||
		       futimens(to, times) < 0))
		return error_set(err, errno, "cannot copy '%s'", path);
	return 0;
}

static int copy_entry(const struct copy *copy, int from, const char *name, const char *path, int to,
		      int depth, struct error *err)
{
	bool is_ignored = copy->ignore && ignore_has(copy->ignore, path);
	cleanup_close int file = -1;
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(err, errno, "cannot look at '%s'", path);
	if (is_ignored && !(S_ISDIR(st.st_mode) && copy->ignore->takes_back))
		return 0;
	if (S_ISDIR(st.st_mode))
		return copy_directory(copy, from, name, path, &st, to, depth, err);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, name, &st, to, err);
	if (!S_ISREG(st.st_mode))
		return copy->is_image ? 0 : refuse_kind(path, err);
	file = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	return S_ISREG(st.st_mode) ? copy_file(copy, file, &st, to, name, err)
				   : refuse_kind(path, err);
}

static int copy_entries(const struct copy *copy, int from, const char *path, int to, int depth,
			struct error *err)
{
	struct dirent **entries = NULL;
	int count = scandirat(from, ".", &entries, sources_is_entry, sources_compare), result = 0;

	if (count < 0)
		return error_set(err, errno, "cannot read directory '%s'", path);
	for (int i = 0; i < count; i++) {
		cleanup_free char *below = NULL;

		if (asprintf(&below, "%s%s%s", path, path[0] ? "/" : "", entries[i]->d_name) < 0)
			below = NULL;
		if (result == 0 && !below)
			result = error_set(err, ENOMEM, "cannot keep a path");
		if (result == 0)
			result = copy_entry(copy, from, entries[i]->d_name, below, to, depth, err);
		free(entries[i]);
	}
	free(entries);
	return result;
}

/* Is there a directory under that name in the image? */
static bool is_directory(int root, const char *path)
{
	cleanup_close int fd = open_there(root, path);

	return fd >= 0;
}

static int copy_named_file(const struct copy *copy, int file, const struct stat *st,
			   const char *path, const char *target, bool into, struct error *err)
{
	const char *slash = strrchr(into ? path : target, '/');
	const char *name = slash ? slash + 1 : into ? path : target;
	cleanup_free char *parent =
		into ? strdup(target) : strndup(target, (size_t)(name - target));
	cleanup_close int dir = parent ? copy_make_directory(copy->to, parent, err) : -1;

	if (!parent)
		return error_set(err, ENOMEM, "cannot keep a path");
	return dir < 0 ? -1 : copy_file(copy, file, st, dir, name, err);
}

static int copy_one(const struct copy *copy, const char *path, const char *target, bool into,
		    struct error *err)
{
	cleanup_close int place = open_in_root(copy->from, path[0] ? path : ".", O_PATH);
	cleanup_close int from = -1, to = -1;
	struct stat st;

	if (place < 0 || fstat(place, &st) < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return refuse_kind(path, err);
	from = open_in_root(copy->from, path[0] ? path : ".", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (from < 0 || fstat(from, &st) < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	if (S_ISREG(st.st_mode))
		return copy_named_file(copy, from, &st, path, target,
				       into || is_directory(copy->to, target), err);
	to = copy_make_directory(copy->to, target, err);
	return to < 0 ? -1 : copy_entries(copy, from, path, to, 0, err);
}

int copy_sources(const struct copy *copy, char *const *sources, const char *target,
		 struct error *err)
{
	bool into = target[strlen(target) - 1] == '/';
	struct list paths = { .items = NULL };
	int result = 0;

	for (; result == 0 && *sources; sources++)
		result = sources_find(&paths, copy->from, *sources, copy->ignore, err);
	if (result == 0 && paths.count > 1 && !into) {
		error_set(err, 0, "%zu files to '%s', which does not end with '/'", paths.count,
			  target);
		result = error_remedy(err, "%s/, if it is to be a directory", target);
	}
	for (size_t i = 0; result == 0 && i < paths.count; i++)
		result = copy_one(copy, paths.items[i], target, into, err);
	list_done(&paths);
	return result;
}
