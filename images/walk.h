/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk.h - all that is in a squashfs, or in a directory of it, one after the other.
 *
 * A directory comes before what is in it, and that in the order of the image. An image may be hostile: each
 * directory is gone into once, however many names lead there, and neither what is kept nor what is done is
 * more than in proportion to the size of the image.
 */
#ifndef DAVIT_WALK_H
#define DAVIT_WALK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/error.h"
#include "images/inodemap.h"
#include "images/names.h"
#include "images/squash.h"

/* What a walk has come to. */
struct walk_at {
	const char *path; /* absolute in the image, shorter than PATH_MAX */
	const char *name; /* the last part of it; "" for the root */
	size_t depth;     /* 0: where the walk began */
	uint64_t inode;
	const struct stat *st; /* with the owner that the image says */
};

enum walk_next {
	WALK_ON,
	WALK_SKIP, /* of a directory: not into it; leave() is not called either */
	WALK_STOP
};

struct walk {
	/* Called for each file, directory and the like; the paths are good until it returns. */
	enum walk_next (*each)(const struct walk_at *at, void *data);
	/* Called for a directory behind all that is in it; or NULL. */
	enum walk_next (*leave)(const struct walk_at *at, void *data);
	/* Called for what is damaged, which is then passed over; NULL: damage ends the walk. `what` may say
	 * "its inode", say. errnum is EIO for damage, and ENOMEM, EFBIG and the like for what they say. */
	enum walk_next (*damaged)(const char *path, const char *what, int errnum, void *data);
	void *data;
};

/* Walks over `inode`, whose path is `path`, and all that is below. Returns 0, 1 where a call returned
 * WALK_STOP, or -1 with `err` set, which names the path in the image, and not the image. */
int walk_tree(struct squash *squash, uint64_t inode, const char *path, const struct walk *walk,
	      struct error *err);

/* For those who find their own way through an image: sees to it that it has an end. */
struct walk_guard {
	struct squash *squash;
	struct inodemap seen; /* directories */
	uint64_t left;        /* bytes of lists */
	size_t held;          /* bytes of memory that lists take at a time */
};

void walk_guard_init(struct walk_guard *guard, struct squash *squash);
void walk_guard_done(struct walk_guard *guard);

/* As names_read(), for a directory whose `st` is known. On failure *what says what is wrong, as for
 * walk.damaged. To be put back with walk_guard_leave(). */
int walk_guard_enter(struct walk_guard *guard, uint64_t inode, const struct stat *st,
		     struct names *names, const char **what);
void walk_guard_leave(struct walk_guard *guard, struct names *names);

/* Puts `name` behind the first `len` bytes of `path`, which has PATH_MAX bytes; returns its length then, or 0 where it
 * would get too long. */
size_t walk_append(char *path, size_t len, const char *name);

#endif
