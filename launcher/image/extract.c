/* SPDX-License-Identifier: BSD-3-Clause */
/* extract.c - see extract.h. */
#include "launcher/image/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/walk.h"

#define PIECE     ((size_t)1 << 20)
#define DEPTH_MAX (PATH_MAX / 2 + 1)
#define KEPT      01777 /* of a mode: a program that runs as its owner is nobody's wish */

/* Of one file that is being made. */
struct making {
	struct extraction *to;
	const struct walk_at *at;
	const char *path; /* below the directory */
};

static int fail(const struct making *making, const char *what, int errnum)
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

static int fail_read(const struct making *making, int errnum)
{
	return direct_fail(&making->to->opened->image, making->at->path, errnum, making->to->err);
}

/* ---- directories ------------------------------------------------------------------------------- */

static int open_below(int top, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, top, *path ? path : ".", &how, sizeof(how));
}

/* Has the directory in which making->path is in to->parent. */
static int go_to_parent(const struct making *making)
{
	struct extraction *to = making->to;
	const char *slash = strrchr(making->path, '/');
	size_t len = slash ? (size_t)(slash - making->path) : 0;

	if (to->parent >= 0 && strlen(to->parent_path) == len &&
	    memcmp(to->parent_path, making->path, len) == 0)
		return 0;
	if (to->parent >= 0)
		close(to->parent);
	memcpy(to->parent_path, making->path, len);
	to->parent_path[len] = '\0';
	to->parent = open_below(to->top, to->parent_path);
	return to->parent < 0 ? fail(making, "write", errno) : 0;
}

static bool is_directory(int parent, const char *name)
{
	struct stat st;

	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Whether a file that could not be made, since there is one, can be made now. */
static bool make_room(const struct making *making)
{
	return errno == EEXIST && making->to->replaces &&
	       unlinkat(making->to->parent, making->at->name, 0) == 0;
}

static int make_directory(const struct making *making)
{
	struct extraction *to = making->to;
	const char *name = making->at->name;
	int result = mkdirat(to->parent, name, 0700);

	to->is_new[making->at->depth] = true;
	if (result < 0 && errno == EEXIST && is_directory(to->parent, name)) {
		to->is_new[making->at->depth] = false;
		return 0;
	}
	if (result < 0 && errno == EEXIST && make_room(making))
		result = mkdirat(to->parent, name, 0700);
	return result < 0 ? fail(making, "make directory", errno) : 0;
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
		return fail_read(making, error);
	if (fsetxattr(fd, name, value, len, 0) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EPERM)
		return fail(making, "set an attribute of", errno);
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
		return fail_read(making, error);
	for (const char *name = list; result == 0 && name < list + len; name += strlen(name) + 1)
		if (strncmp(name, "user.", strlen("user.")) == 0)
			result = copy_attribute(making, fd, name);
	return result;
}

/* What is to be set when all else is done: the mode may forbid the rest. */
static int finish(const struct making *making, int fd)
{
	const struct stat *st = making->at->st;
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = st->st_mtime } };

	if (copy_attributes(making, fd) < 0)
		return -1;
	if (fchmod(fd, st->st_mode & KEPT) < 0 || futimens(fd, times) < 0)
		return fail(making, "set the mode of", errno);
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------- */

static int write_stretch(const struct making *making, int fd, off_t at, off_t size)
{
	const struct direct *direct = &making->to->opened->direct;

	for (off_t end = at + size; at < end;) {
		size_t want = end - at < (off_t)PIECE ? (size_t)(end - at) : PIECE, got, done = 0;
		int error = direct_read(direct, making->at->inode, at, making->to->buf, want, &got);

		if (error || got == 0)
			return fail_read(making, error ? error : EIO);
		while (done < got) {
			ssize_t n =
				pwrite(fd, making->to->buf + done, got - done, at + (off_t)done);

			if (n < 0 && errno != EINTR)
				return fail(making, "write", errno);
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
		return fail(making, "write", errno);
	do {
		error = direct_stretch(&making->to->opened->direct, making->at->inode, at, &hole,
				       &data);
		if (error)
			return fail_read(making, error);
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
		return fail(making, "make", errno);
	fresh->temporary[0] = '\0';
	fresh->fd = openat(parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fresh->fd >= 0)
		return 0;
	snprintf(fresh->temporary, sizeof(fresh->temporary), ".davit-%d", getpid());
	fresh->fd = openat(parent, fresh->temporary,
			   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fresh->fd < 0 ? fail(making, "make", errno) : 0;
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
	if (result < 0 && make_room(making))
		result = linkat(AT_FDCWD, from, parent, name, AT_SYMLINK_FOLLOW);
	return result;
}

static int make_file(const struct making *making)
{
	struct fresh fresh;
	int result;

	if (create(making, &fresh) < 0)
		return -1;
	result = write_content(making, fresh.fd);
	if (result == 0)
		result = finish(making, fresh.fd);
	if (result == 0 && give_name(making, &fresh) < 0)
		result = fail(making, "make", errno);
	else if (result == 0)
		fresh.temporary[0] = '\0';
	/* Some file systems tell only now that there is no room. */
	if (close(fresh.fd) < 0 && result == 0) {
		result = fail(making, "write", errno);
		(void)unlinkat(making->to->parent, making->at->name, 0);
	}
	if (fresh.temporary[0])
		(void)unlinkat(making->to->parent, fresh.temporary, 0);
	return result;
}

/* ---- several names of a file ------------------------------------------------------------------- */

static int keep_path(const struct making *making, uint64_t *place)
{
	struct extraction *to = making->to;

	if (to->path_count == to->path_room) {
		size_t room = to->path_room ? to->path_room * 2 : 64;
		char **bigger = realloc(to->paths, room * sizeof(*bigger));

		if (!bigger)
			return fail(making, "make", ENOMEM);
		to->paths = bigger;
		to->path_room = room;
	}
	to->paths[to->path_count] = strdup(making->path);
	if (!to->paths[to->path_count])
		return fail(making, "make", ENOMEM);
	*place = ++to->path_count;
	return 0;
}

static int link_to(const struct making *making, const char *first)
{
	const char *slash = strrchr(first, '/');
	cleanup_free char *parent = strndup(first, slash ? (size_t)(slash - first) : 0);
	cleanup_close int from = parent ? open_below(making->to->top, parent) : -1;
	const char *base = slash ? slash + 1 : first;
	int result;

	if (from < 0)
		return fail(making, "link", parent ? errno : ENOMEM);
	result = linkat(from, base, making->to->parent, making->at->name, 0);
	if (result < 0 && make_room(making))
		result = linkat(from, base, making->to->parent, making->at->name, 0);
	return result < 0 ? fail(making, "link", errno) : 0;
}

static int make_named_file(const struct making *making)
{
	uint64_t *place;

	if (making->at->st->st_nlink < 2)
		return make_file(making);
	place = inodemap_get(&making->to->firsts, making->at->inode, NULL);
	if (!place)
		return fail(making, "make", ENOMEM);
	if (*place > 0)
		return link_to(making, making->to->paths[*place - 1]);
	return make_file(making) < 0 ? -1 : keep_path(making, place);
}

/* ---- other kinds ------------------------------------------------------------------------------- */

/* Of what cannot be opened. */
static void set_time(const struct making *making)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
					   { .tv_sec = making->at->st->st_mtime } };

	(void)utimensat(making->to->parent, making->at->name, times, AT_SYMLINK_NOFOLLOW);
}

static int make_link(const struct making *making)
{
	struct extraction *to = making->to;
	cleanup_free char *target = NULL;
	int error = squash_readlink(to->opened->direct.squash, making->at->inode, &target), result;

	if (error)
		return fail_read(making, error);
	result = symlinkat(target, to->parent, making->at->name);
	if (result < 0 && make_room(making))
		result = symlinkat(target, to->parent, making->at->name);
	if (result < 0)
		return fail(making, "make link", errno);
	set_time(making);
	return 0;
}

static int make_fifo(const struct making *making)
{
	mode_t mode = S_IFIFO | (making->at->st->st_mode & 0777);
	int result = mknodat(making->to->parent, making->at->name, mode, 0);

	if (result < 0 && make_room(making))
		result = mknodat(making->to->parent, making->at->name, mode, 0);
	if (result < 0)
		return fail(making, "make FIFO", errno);
	set_time(making);
	return 0;
}

static int make(const struct making *making)
{
	mode_t mode = making->at->st->st_mode;

	if (go_to_parent(making) < 0)
		return -1;
	if (S_ISDIR(mode))
		return make_directory(making);
	if (S_ISREG(mode))
		return make_named_file(making);
	if (S_ISLNK(mode))
		return make_link(making);
	if (S_ISFIFO(mode))
		return make_fifo(making);
	making->to->left_out++;
	return 0;
}

/* ---- the walk ---------------------------------------------------------------------------------- */

static enum walk_next each(const struct walk_at *at, void *data)
{
	const struct making making = { .to = data, .at = at, .path = at->path + 1 };

	/* The image's root is the directory itself. */
	if (!*making.path)
		return WALK_ON;
	return make(&making) < 0 ? WALK_STOP : WALK_ON;
}

static enum walk_next leave(const struct walk_at *at, void *data)
{
	struct extraction *to = data;
	const struct making making = { .to = to, .at = at, .path = at->path + 1 };
	cleanup_close int fd = -1;

	if (!*making.path || !to->is_new[at->depth])
		return WALK_ON;
	if (go_to_parent(&making) < 0)
		return WALK_STOP;
	fd = openat(to->parent, at->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		fail(&making, "open", errno);
		return WALK_STOP;
	}
	return finish(&making, fd) < 0 ? WALK_STOP : WALK_ON;
}

/* Makes the directories above a file that was asked for. */
static int make_parents(struct extraction *extraction, const char *path)
{
	cleanup_free char *copy = strdup(path);
	cleanup_close int at = open_below(extraction->top, "");
	char *name = copy + 1;

	for (char *slash; copy && at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
		int next = -1;

		*slash = '\0';
		if (mkdirat(at, name, 0777) == 0 || errno == EEXIST)
			next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(at);
		at = next;
		*slash = '/';
	}
	if (copy && at >= 0)
		return 0;
	error_set(extraction->err, copy ? errno : ENOMEM, "cannot make the directories of '%s%s'",
		  extraction->dir, path);
	return error_remedy(extraction->err, "an empty directory: links in it are not followed");
}

int extract(struct extraction *extraction, const char *path, struct error *err)
{
	const struct walk walk = { .each = each, .leave = leave, .data = extraction };
	const struct opened *opened = extraction->opened;
	struct direct_place place;
	int result;

	extraction->err = err;
	if (opened_find(opened, path, false, &place, err) < 0 ||
	    make_parents(extraction, place.path) < 0)
		return -1;
	result = walk_tree(opened->direct.squash, place.inode, place.path, &walk, err);
	if (result < 0)
		return error_wrap(err, "image '%s'", opened->image.path);
	return result > 0 ? -1 : 0;
}

int extraction_init(struct extraction *extraction, const struct opened *opened, const char *dir,
		    struct error *err)
{
	*extraction = (struct extraction){ .opened = opened,
					   .dir = dir,
					   .top = -1,
					   .parent = -1,
					   .parent_path = calloc(PATH_MAX, 1),
					   .is_new = calloc(DEPTH_MAX, sizeof(bool)),
					   .buf = malloc(PIECE) };
	if (!extraction->parent_path || !extraction->is_new || !extraction->buf)
		return error_set(err, ENOMEM, "cannot extract");
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make directory '%s'", dir);
	extraction->top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return extraction->top < 0 ? error_set(err, errno, "cannot open directory '%s'", dir) : 0;
}

void extraction_done(struct extraction *extraction)
{
	for (size_t i = 0; i < extraction->path_count; i++)
		free(extraction->paths[i]);
	free(extraction->paths);
	free(extraction->parent_path);
	free(extraction->is_new);
	free(extraction->buf);
	inodemap_done(&extraction->firsts);
	if (extraction->parent >= 0)
		close(extraction->parent);
	if (extraction->top >= 0)
		close(extraction->top);
}
