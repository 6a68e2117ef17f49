/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk.c - see walk.h.
 *
 * Lists of directories are read whole, since a cursor takes too much of a stack to be kept at each depth.
 * Directories may have one list in common, so that a small image could have more names than anybody can
 * look at: together they are not let be longer than metadata of the image's size could hold.
 */
#include "images/walk.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* How much a block of metadata is compressed at most: 8192 bytes to 16. */
#define DENSITY 512

void walk_guard_init(struct walk_guard *guard, struct squash *squash)
{
	*guard = (struct walk_guard){ .squash = squash, .left = squash_size(squash) * DENSITY };
}

void walk_guard_done(struct walk_guard *guard)
{
	inodemap_done(&guard->seen);
}

int walk_guard_enter(struct walk_guard *guard, uint64_t inode, const struct stat *st,
		     struct names *names, const char **what)
{
	bool is_new;
	int error;

	*what = "its list of names";
	if (!inodemap_get(&guard->seen, inode, &is_new))
		return ENOMEM;
	if (!is_new) {
		*what = "it is a directory that has another name";
		return EIO;
	}
	if ((uint64_t)st->st_size > guard->left) {
		*what = "its list and others have the same names";
		return EIO;
	}
	guard->left -= (uint64_t)st->st_size;
	error = names_read(names, guard->squash, inode, NAMES_MAX - guard->held);
	if (!error)
		guard->held += names->size;
	return error;
}

void walk_guard_leave(struct walk_guard *guard, struct names *names)
{
	guard->held -= names->size;
	names_done(names);
}

size_t walk_append(char *path, size_t len, const char *name)
{
	size_t size = strlen(name);
	char *at = path + len;

	if (len > 1)
		*at++ = '/';
	if (at + size >= path + PATH_MAX)
		return 0;
	memcpy(at, name, size + 1);
	return (size_t)(at - path) + size;
}

/* ---- the walk ---------------------------------------------------------------------------------- */

struct walking {
	struct walk_guard guard;
	const struct walk *walk;
	char path[PATH_MAX];
	struct error *err;
};

/* As walk_tree(), for one file and what is below. */
static int visit(struct walking *walking, size_t len, size_t depth, uint64_t inode, mode_t type);

static int complain(struct walking *walking, const char *what, int errnum)
{
	const struct walk *walk = walking->walk;

	if (walk->damaged)
		return walk->damaged(walking->path, what, errnum, walk->data) == WALK_STOP;
	if (errnum != EIO)
		return error_set(walking->err, errnum, "cannot read '%s'", walking->path);
	error_set(walking->err, 0, "'%s' is damaged: %s", walking->path, what);
	return error_remedy(walking->err, "copy or make the image again");
}

static int visit_names(struct walking *walking, size_t len, size_t depth, const struct names *names)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < names->count; i++) {
		const struct names_entry *entry = &names->entries[i];
		size_t longer = walk_append(walking->path, len, names_get(names, i));

		if (longer > 0)
			result = visit(walking, longer, depth, entry->inode, entry->type);
		walking->path[len] = '\0';
		if (longer == 0)
			result = complain(walking, "directories in it are too deep", EIO);
	}
	return result;
}

static int enter(struct walking *walking, size_t len, size_t depth, uint64_t inode,
		 const struct stat *st)
{
	const char *what = NULL;
	struct names names;
	int errnum = walk_guard_enter(&walking->guard, inode, st, &names, &what), result;

	if (errnum)
		return complain(walking, what, errnum);
	result = visit_names(walking, len, depth + 1, &names);
	walk_guard_leave(&walking->guard, &names);
	return result;
}

static int visit(struct walking *walking, size_t len, size_t depth, uint64_t inode, mode_t type)
{
	const struct walk *walk = walking->walk;
	const char *slash = strrchr(walking->path, '/');
	struct stat st;
	struct walk_at at = { .path = walking->path,
			      .name = slash ? slash + 1 : walking->path,
			      .depth = depth,
			      .inode = inode,
			      .st = &st };
	int error = squash_stat_owned(walking->guard.squash, inode, &st), result;
	enum walk_next next;

	if (error)
		return complain(walking, "its inode", error);
	if (type && (st.st_mode & S_IFMT) != type)
		return complain(walking, "its inode is of another kind", EIO);
	next = walk->each(&at, walk->data);
	if (next != WALK_ON || !S_ISDIR(st.st_mode))
		return next == WALK_STOP;
	result = enter(walking, len, depth, inode, &st);
	if (result == 0 && walk->leave)
		result = walk->leave(&at, walk->data) == WALK_STOP;
	return result;
}

int walk_tree(struct squash *squash, uint64_t inode, const char *path, const struct walk *walk,
	      struct error *err)
{
	struct walking walking = { .walk = walk, .err = err };
	size_t len = strlen(path);
	int result;

	if (len >= sizeof(walking.path))
		return error_set(err, ENAMETOOLONG, "cannot read '%s'", path);
	memcpy(walking.path, path, len + 1);
	walk_guard_init(&walking.guard, squash);
	result = visit(&walking, len, 0, inode, 0);
	walk_guard_done(&walking.guard);
	return result;
}
