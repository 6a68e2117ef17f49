/* SPDX-License-Identifier: BSD-3-Clause */
/* direct.c - see direct.h. */
#include "images/direct.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/measure.h"
#include "images/read.h"

#define BLOCKS    8  /* more than one piece of a read needs */
#define LINKS_MAX 40 /* as Linux has it */
#define EXTENTS   16

static int fail_disk(const struct image *image, struct error *err)
{
	error_set(err, image_read_failure(), "cannot read image '%s'", image->path);
	return error_remedy(err, "check its file system, and run again");
}

int direct_open(struct direct *direct, const struct image *image, struct error *err)
{
	if (image->kind != IMAGE_SQUASHFS) {
		error_set(err, 0, "image '%s' is a directory: there is nothing to unpack",
			  image->path);
		return error_remedy(err, "ls, cat, cp -a or diff -r");
	}
	direct->squash = squash_open(image->fd, image->offset, err);
	if (!direct->squash && image_read_failure())
		return fail_disk(image, err);
	if (!direct->squash) {
		if (image_blame(image, err))
			return -1;
		error_wrap(err, "image '%s' is damaged or cannot be read", image->path);
		return error_remedy(err, "check its file system; copy or make the image again");
	}
	direct->blocks = blocks_new(BLOCKS, squash_block_size(direct->squash));
	return direct->blocks ? 0 : error_set(err, ENOMEM, "cannot read image '%s'", image->path);
}

void direct_close(struct direct *direct)
{
	blocks_free(direct->blocks);
	squash_close(direct->squash);
	*direct = (struct direct){ .squash = NULL };
}

int direct_fail(const struct image *image, const char *path, int errnum, struct error *err)
{
	if (errnum == ENOENT || errnum == ENOTDIR) {
		error_set(err, 0, "image '%s' has no '%s'", image->path, path);
		return error_remedy(err, "davit image ls -R %s", image->path);
	}
	if (errnum == EIO && image_read_failure())
		return fail_disk(image, err);
	if (errnum == EIO && image_blame(image, err))
		return -1;
	if (errnum != EIO)
		return error_set(err, errnum, "image '%s': cannot read '%s'", image->path, path);
	error_set(err, 0, "image '%s': '%s' is damaged or cannot be read", image->path, path);
	return error_remedy(err, "davit image verify %s; copy or make the image again",
			    image->path);
}

/* ---- finding ----------------------------------------------------------------------------------- */

struct finding {
	struct squash *squash;
	uint64_t *
		dirs; /* the directories on the way, the root first; the last one is where we are */
	size_t depth; /* how many, without the root */
	char *rest;   /* what is still to be gone, PATH_MAX bytes */
	int links;
	struct direct_place *place;
};

static void go_up(struct finding *finding)
{
	char *slash = strrchr(finding->place->path, '/');

	if (finding->depth == 0)
		return;
	finding->depth--;
	slash[slash == finding->place->path] = '\0';
}

static void go_to_root(struct finding *finding)
{
	finding->depth = 0;
	strcpy(finding->place->path, "/");
}

static int append(struct finding *finding, const char *name)
{
	char *path = finding->place->path;
	size_t len = strlen(path);

	if (len + strlen(name) + 2 > PATH_MAX)
		return ENAMETOOLONG;
	if (len > 1)
		path[len++] = '/';
	strcpy(path + len, name);
	return 0;
}

/* Puts the target of the link in front of the rest. */
static int follow_link(struct finding *finding, uint64_t inode, const char *rest)
{
	cleanup_free char *target = NULL, *whole = NULL;
	size_t size;
	int error = squash_readlink(finding->squash, inode, &target);

	if (error)
		return error;
	if (++finding->links > LINKS_MAX)
		return ELOOP;
	if (!*target)
		return ENOENT;
	size = strlen(target) + strlen(rest) + 1;
	if (size > PATH_MAX)
		return ENAMETOOLONG;
	whole = malloc(size);
	if (!whole)
		return ENOMEM;
	stpcpy(stpcpy(whole, target), rest);
	strcpy(finding->rest, whole);
	if (*target == '/')
		go_to_root(finding);
	return 0;
}

/* Takes the first part of the rest, `name`, behind which is `rest`. */
static int step(struct finding *finding, const char *name, const char *rest, bool follow)
{
	uint64_t inode;
	struct stat st;
	int error = squash_lookup(finding->squash, finding->dirs[finding->depth], name, &inode);

	if (!error)
		error = squash_stat(finding->squash, inode, &st);
	if (error)
		return error;
	if (S_ISLNK(st.st_mode) && (follow || *rest))
		return follow_link(finding, inode, rest);
	if (*rest && !S_ISDIR(st.st_mode))
		return ENOTDIR;
	error = append(finding, name);
	if (error)
		return error;
	finding->dirs[++finding->depth] = inode;
	memmove(finding->rest, rest, strlen(rest) + 1);
	return 0;
}

static int find(struct finding *finding, bool follow)
{
	int error = 0;

	while (!error) {
		char name[NAME_MAX + 1];
		size_t gap = strspn(finding->rest, "/"), size;
		const char *at = finding->rest + gap;

		size = strcspn(at, "/");
		if (size == 0)
			break;
		if (size > NAME_MAX)
			return ENAMETOOLONG;
		memcpy(name, at, size);
		name[size] = '\0';
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			error = step(finding, name, at + size, follow);
			continue;
		}
		if (name[1])
			go_up(finding);
		memmove(finding->rest, at + size, strlen(at + size) + 1);
	}
	finding->place->inode = finding->dirs[finding->depth];
	return error;
}

int direct_find(const struct direct *direct, const char *path, bool follow,
		struct direct_place *place)
{
	/* A path has at most half as many parts. */
	cleanup_free uint64_t *dirs = calloc(PATH_MAX / 2 + 1, sizeof(*dirs));
	cleanup_free char *rest = malloc(PATH_MAX);
	struct finding finding = {
		.squash = direct->squash, .dirs = dirs, .rest = rest, .place = place
	};

	if (!dirs || !rest)
		return ENOMEM;
	if (strlen(path) >= PATH_MAX)
		return ENAMETOOLONG;
	strcpy(rest, path);
	dirs[0] = squash_root(direct->squash);
	go_to_root(&finding);
	return find(&finding, follow);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static int read_extent(const struct direct *direct, const struct squash_extent *extent, char *buf)
{
	const struct block *block;
	int error;

	if (extent->hole) {
		memset(buf, 0, extent->size);
		return 0;
	}
	error = squash_get_block(direct->squash, direct->blocks, extent, &block);
	if (error)
		return error;
	memcpy(buf, block->data + extent->offset, extent->size);
	blocks_put(direct->blocks, block);
	return 0;
}

int direct_read(const struct direct *direct, uint64_t inode, off_t offset, void *buf, size_t size,
		size_t *got)
{
	struct squash_extent extents[EXTENTS];
	size_t count = 1;
	int error = 0;

	*got = 0;
	while (!error && *got < size && count > 0) {
		error = squash_locate(direct->squash, inode, offset + (off_t)*got, size - *got,
				      extents, EXTENTS, &count);
		for (size_t i = 0; !error && i < count; i++) {
			error = read_extent(direct, &extents[i], (char *)buf + *got);
			*got += extents[i].size;
		}
	}
	return error;
}

int direct_stretch(const struct direct *direct, uint64_t inode, off_t offset, off_t *hole,
		   off_t *data)
{
	off_t begin = offset, end;
	struct stat st;
	int error = squash_stat(direct->squash, inode, &st);

	*hole = *data = 0;
	if (error || offset >= st.st_size)
		return error;
	error = squash_seek(direct->squash, inode, false, &begin);
	if (error == ENXIO)
		begin = st.st_size;
	else if (error)
		return error;
	*hole = begin - offset;
	if (begin >= st.st_size)
		return 0;
	end = begin;
	error = squash_seek(direct->squash, inode, true, &end);
	*data = error ? 0 : end - begin;
	return error;
}
