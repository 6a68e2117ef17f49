/* SPDX-License-Identifier: BSD-3-Clause */
/* extract.c - see extract.h. Regular files and attributes are in extract_file.c. */
#include "launcher/image/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/image/extract_inner.h"

#define DEPTH_MAX (PATH_MAX / 2 + 1)

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
	return to->parent < 0 ? making_fail(making, "write", errno) : 0;
}

static bool is_directory(int parent, const char *name)
{
	struct stat st;

	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
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
	if (result < 0 && errno == EEXIST && making_room(making))
		result = mkdirat(to->parent, name, 0700);
	return result < 0 ? making_fail(making, "make directory", errno) : 0;
}

/* ---- several names of a file ------------------------------------------------------------------- */

static int keep_path(const struct making *making, uint64_t *place)
{
	struct extraction *to = making->to;

	if (to->path_count == to->path_room) {
		size_t room = to->path_room ? to->path_room * 2 : 64;
		char **bigger = realloc(to->paths, room * sizeof(*bigger));

		if (!bigger)
			return making_fail(making, "make", ENOMEM);
		to->paths = bigger;
		to->path_room = room;
	}
	to->paths[to->path_count] = strdup(making->path);
	if (!to->paths[to->path_count])
		return making_fail(making, "make", ENOMEM);
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
		return making_fail(making, "link", parent ? errno : ENOMEM);
	result = linkat(from, base, making->to->parent, making->at->name, 0);
	if (result < 0 && making_room(making))
		result = linkat(from, base, making->to->parent, making->at->name, 0);
	return result < 0 ? making_fail(making, "link", errno) : 0;
}

static int make_named_file(const struct making *making)
{
	uint64_t *place;

	if (making->at->st->st_nlink < 2)
		return making_file(making);
	place = inodemap_get(&making->to->firsts, making->at->inode, NULL);
	if (!place)
		return making_fail(making, "make", ENOMEM);
	if (*place > 0)
		return link_to(making, making->to->paths[*place - 1]);
	return making_file(making) < 0 ? -1 : keep_path(making, place);
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
		return making_fail_read(making, error);
	result = symlinkat(target, to->parent, making->at->name);
	if (result < 0 && making_room(making))
		result = symlinkat(target, to->parent, making->at->name);
	if (result < 0)
		return making_fail(making, "make link", errno);
	set_time(making);
	return 0;
}

static int make_fifo(const struct making *making)
{
	mode_t mode = S_IFIFO | (making->at->st->st_mode & 0777);
	int result = mknodat(making->to->parent, making->at->name, mode, 0);

	if (result < 0 && making_room(making))
		result = mknodat(making->to->parent, making->at->name, mode, 0);
	if (result < 0)
		return making_fail(making, "make FIFO", errno);
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
		making_fail(&making, "open", errno);
		return WALK_STOP;
	}
	return making_finish(&making, fd) < 0 ? WALK_STOP : WALK_ON;
}

/* Makes the directories above a file that was asked for. */
static int make_parents(struct extraction *extraction, const char *path)
{
	cleanup_free char *copy = strdup(path);
	cleanup_close int at = open_below(extraction->top, "");
	char *name = copy ? copy + 1 : NULL;

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
					   .buf = malloc(EXTRACT_PIECE) };
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
