/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.c - see check.h.
 *
 * A first walk reads all that is no content and makes a list of the blocks of all files; each is then read
 * once, in the order in which they lie in the image; where one is damaged, a second walk tells whose it
 * is. An image may be hostile: walk.h sees to the walks, and lists of blocks that overlap are not let be
 * longer together than the image has room for.
 */
#include "images/check.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/affinity.h"
#include "common/fd.h"
#include "images/blocks.h"
#include "images/read.h"
#include "images/walk.h"

#define THREADS_MAX 16
#define EXTENTS     64
#define DENSITY     128 /* headers of blocks for each byte of an image, at most */
#define DEPTH_MAX   (PATH_MAX / 2 + 1)

struct check_block {
	uint64_t position;
	uint32_t header;
	uint32_t need; /* bytes that files say are in it */
	int error;
};

struct checking {
	struct check *check;
	struct squash *squash;
	void (*damaged)(const char *path, const char *what, void *data);
	void *data;
	struct inodemap seen, places; /* inodes; of blocks: which one, from 1 on */
	struct check_block *blocks;
	size_t count, room;
	uint64_t left;              /* headers of blocks */
	char (*last)[NAME_MAX + 1]; /* name in the directory of that depth */
	int error;                  /* what else is in the way */
	atomic_size_t next;         /* block to be read */
};

static void complain(struct checking *checking, const char *path, const char *what)
{
	checking->check->damaged++;
	checking->damaged(path, what, checking->data);
}

/* ---- the first walk ---------------------------------------------------------------------------- */

static struct check_block *add_block(struct checking *checking, const struct squash_extent *extent)
{
	uint64_t *place = inodemap_get(&checking->places, extent->position, NULL);

	if (!place)
		return NULL;
	if (*place > 0)
		return &checking->blocks[*place - 1];
	if (checking->count == checking->room) {
		size_t room = checking->room ? checking->room * 2 : 1024;
		void *bigger = reallocarray(checking->blocks, room, sizeof(*checking->blocks));

		if (!bigger)
			return NULL;
		checking->blocks = bigger;
		checking->room = room;
	}
	checking->blocks[checking->count] =
		(struct check_block){ .position = extent->position, .header = extent->header };
	*place = ++checking->count;
	return &checking->blocks[*place - 1];
}

static int take_extent(struct checking *checking, const struct squash_extent *extent)
{
	size_t need = extent->offset + extent->size;
	struct check_block *block;

	if (extent->hole)
		return 0;
	if (extent->position >= squash_size(checking->squash))
		return EIO;
	block = add_block(checking, extent);
	if (!block)
		return ENOMEM;
	if (block->header != extent->header || need > squash_block_size(checking->squash))
		return EIO;
	block->need = need > block->need ? (uint32_t)need : block->need;
	return 0;
}

/* Calls `each` for all extents of a file, until it returns an errno. */
static int each_extent(struct checking *checking, uint64_t inode,
		       int (*each)(struct checking *checking, const struct squash_extent *extent))
{
	struct squash_extent extents[EXTENTS];
	size_t count = 1;
	off_t at = 0;
	int error = 0;

	while (!error && count > 0) {
		error = squash_locate(checking->squash, inode, at, SIZE_MAX, extents, EXTENTS,
				      &count);
		for (size_t i = 0; !error && i < count; i++) {
			error = each(checking, &extents[i]);
			at += (off_t)extents[i].size;
		}
	}
	return error;
}

static int check_file(struct checking *checking, uint64_t inode, const struct stat *st)
{
	uint64_t headers = (uint64_t)st->st_size / squash_block_size(checking->squash);

	if (headers > checking->left)
		return EIO;
	checking->left -= headers;
	return each_extent(checking, inode, take_extent);
}

static int check_attributes(struct checking *checking, uint64_t inode)
{
	cleanup_free char *list = NULL, *value = NULL;
	size_t len = 0;
	int error = squash_listxattr(checking->squash, inode, NULL, 0, &len);

	if (error || len == 0)
		return error;
	list = malloc(len);
	value = malloc(XATTR_SIZE_MAX);
	if (!list || !value)
		return ENOMEM;
	error = squash_listxattr(checking->squash, inode, list, len, &len);
	for (const char *name = list; !error && name < list + len; name += strlen(name) + 1) {
		size_t size;

		error = squash_getxattr(checking->squash, inode, name, value, XATTR_SIZE_MAX,
					&size);
	}
	return error;
}

static int check_target(struct checking *checking, uint64_t inode)
{
	cleanup_free char *target = NULL;

	return squash_readlink(checking->squash, inode, &target);
}

static int check_inode(struct checking *checking, const struct walk_at *at, const char **what)
{
	struct check *check = checking->check;
	mode_t mode = at->st->st_mode;
	int error = 0;

	if (S_ISREG(mode)) {
		check->files++;
		*what = "its list of blocks";
		error = check_file(checking, at->inode, at->st);
	} else if (S_ISLNK(mode)) {
		check->others++;
		*what = "its target";
		error = check_target(checking, at->inode);
	} else if (S_ISDIR(mode)) {
		check->directories++;
	} else {
		check->others++;
	}
	if (error)
		return error;
	*what = "its extended attributes";
	return check_attributes(checking, at->inode);
}

/* Names in a directory ascend, or are not found by who looks for them. */
static bool is_in_order(struct checking *checking, const struct walk_at *at)
{
	char *last = checking->last[at->depth];
	bool is_good = !*last || strcmp(last, at->name) < 0;

	strcpy(last, at->name);
	if (at->depth + 1 < DEPTH_MAX)
		checking->last[at->depth + 1][0] = '\0';
	return is_good;
}

static enum walk_next each(const struct walk_at *at, void *data)
{
	struct checking *checking = data;
	const char *what = NULL;
	bool is_new;
	int error = 0;

	if (!inodemap_get(&checking->seen, at->inode, &is_new))
		error = ENOMEM;
	else if (is_new)
		error = check_inode(checking, at, &what);
	if (error == EIO)
		complain(checking, at->path, what);
	else if (error)
		checking->error = error;
	else if (!is_in_order(checking, at))
		complain(checking, at->path, "its name is not in order");
	return checking->error ? WALK_STOP : WALK_ON;
}

static enum walk_next note_damage(const char *path, const char *what, int errnum, void *data)
{
	struct checking *checking = data;

	if (errnum == EIO)
		complain(checking, path, what);
	else
		checking->error = errnum;
	return checking->error ? WALK_STOP : WALK_ON;
}

/* ---- the blocks -------------------------------------------------------------------------------- */

static int by_position(const void *a, const void *b)
{
	uint64_t first = ((const struct check_block *)a)->position;
	uint64_t second = ((const struct check_block *)b)->position;

	return (first > second) - (first < second);
}

static void *read_blocks(void *data)
{
	struct checking *checking = data;
	struct blocks *cache = blocks_new(2, squash_block_size(checking->squash));
	size_t i;

	while ((i = atomic_fetch_add(&checking->next, 1)) < checking->count) {
		struct check_block *block = &checking->blocks[i];
		const struct squash_extent extent = { .position = block->position,
						      .header = block->header,
						      .size = block->need };

		block->error =
			cache ? squash_fetch_block(checking->squash, cache, &extent) : ENOMEM;
	}
	blocks_free(cache);
	return NULL;
}

static size_t count_cpus(void)
{
	int count = affinity_own_count();

	return count > THREADS_MAX ? THREADS_MAX : (size_t)count;
}

/* This thread is one of them: it works, too, where no other can be had. */
static void read_all(struct checking *checking)
{
	pthread_t threads[THREADS_MAX];
	size_t count = 0, most = count_cpus();

	if (checking->count > 1)
		qsort(checking->blocks, checking->count, sizeof(*checking->blocks), by_position);
	while (count + 1 < most && count < checking->count / 8 &&
	       pthread_create(&threads[count], NULL, read_blocks, checking) == 0)
		count++;
	read_blocks(checking);
	while (count > 0)
		pthread_join(threads[--count], NULL);
}

/* Returns how many are damaged. */
static size_t count_bad(struct checking *checking)
{
	size_t bad = 0;

	for (size_t i = 0; i < checking->count; i++) {
		if (checking->blocks[i].error == EIO)
			bad++;
		else if (checking->blocks[i].error)
			checking->error = checking->blocks[i].error;
	}
	return bad;
}

/* ---- the second walk --------------------------------------------------------------------------- */

static int find_bad(struct checking *checking, const struct squash_extent *extent)
{
	const struct check_block key = { .position = extent->position };
	const struct check_block *block = extent->hole
						  ? NULL
						  : bsearch(&key, checking->blocks, checking->count,
							    sizeof(*checking->blocks), by_position);

	return block && block->error ? EUCLEAN : 0;
}

static enum walk_next blame(const struct walk_at *at, void *data)
{
	struct checking *checking = data;
	bool is_new = true;

	if (S_ISREG(at->st->st_mode) && inodemap_get(&checking->seen, at->inode, &is_new) &&
	    is_new && each_extent(checking, at->inode, find_bad) == EUCLEAN)
		complain(checking, at->path, "its contents");
	return WALK_ON;
}

/* What the first walk has told already is passed over. */
static enum walk_next pass_over(const char *path, const char *what, int errnum, void *data)
{
	(void)path;
	(void)what;
	(void)errnum;
	(void)data;
	return WALK_ON;
}

/* ---- all --------------------------------------------------------------------------------------- */

static int check_all(struct checking *checking, struct error *err)
{
	const struct walk first = { .each = each, .damaged = note_damage, .data = checking };
	const struct walk second = { .each = blame, .damaged = pass_over, .data = checking };
	uint64_t root = squash_root(checking->squash);

	if (walk_tree(checking->squash, root, "/", &first, err) < 0)
		return -1;
	if (!checking->error && !checking->check->damaged &&
	    checking->seen.count != squash_inode_count(checking->squash))
		complain(checking, "/", "its superblock tells of another number of files");
	checking->check->blocks = checking->count;
	if (!checking->error)
		read_all(checking);
	if (count_bad(checking) > 0 && !checking->error) {
		inodemap_done(&checking->seen);
		if (walk_tree(checking->squash, root, "/", &second, err) < 0)
			return -1;
	}
	if (image_read_failure() && checking->check->damaged)
		checking->error = image_read_failure();
	return checking->error ? error_set(err, checking->error, "cannot read all of it") : 0;
}

int check_squash(struct check *check, struct squash *squash,
		 void (*damaged)(const char *path, const char *what, void *data), void *data,
		 struct error *err)
{
	struct checking checking = { .check = check,
				     .squash = squash,
				     .damaged = damaged,
				     .data = data,
				     .left = squash_size(squash) * DENSITY,
				     .last = calloc(DEPTH_MAX, sizeof(*checking.last)) };
	int result;

	*check = (struct check){ .files = 0 };
	result = checking.last ? check_all(&checking, err)
			       : error_set(err, ENOMEM, "cannot read all of it");
	inodemap_done(&checking.seen);
	inodemap_done(&checking.places);
	free(checking.blocks);
	free(checking.last);
	return result;
}
