/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_dir.c - directories: see squash.h.
 *
 * A directory is a list of entries in the order of their names, in groups with a header each. A big
 * one has an index in its inode: for each of its blocks, where the first group in it begins and the
 * first name there.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* As Linux takes them: what follows a "/" or a NUL would never be found, and "." is somebody else's. */
static bool is_name(sqfs_dir_entry *entry)
{
	/* This puts a NUL at the end. */
	const char *name = sqfs_dentry_name(entry);

	return entry->name_size <= SQUASHFS_NAME_LEN && strlen(name) == entry->name_size &&
	       name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Moves `dir` to the last group that the index knows before `name`, or, where that is NULL, before
 * `offset`. */
static int skip(struct squash *squash, const sqfs_inode *inode, sqfs_dir *dir, const char *name,
		off_t offset)
{
	size_t first = dir->cur.offset;
	sqfs_md_cursor cursor = inode->next;

	for (size_t left = inode->xtra.dir.idx_count; left > 0; left--) {
		struct squashfs_dir_index index;
		char text[SQUASHFS_NAME_LEN + 1];
		size_t size;

		if (bounds_read(squash, &cursor, &index, sizeof(index)))
			return EIO;
		size = (size_t)le32toh(index.size) + 1;
		if (size > SQUASHFS_NAME_LEN || bounds_read(squash, &cursor, text, size))
			return EIO;
		text[size] = '\0';
		if (name ? strcmp(text, name) > 0 : offset < (off_t)le32toh(index.index))
			break;
		dir->offset = le32toh(index.index);
		dir->cur.block = (sqfs_off_t)(le32toh(index.start_block) +
					      squash->fs.sb.directory_table_start);
		dir->cur.offset = (first + le32toh(index.index)) % SQUASHFS_METADATA_SIZE;
	}
	return 0;
}

static int open_dir(struct squash *squash, uint64_t number, sqfs_dir *dir, const char *name,
		    off_t offset)
{
	sqfs_inode inode;

	if (bounds_get_inode(squash, number, &inode))
		return EIO;
	if (!S_ISDIR(inode.base.mode))
		return ENOTDIR;
	/* From the beginning, which reads nothing yet. */
	if (sqfs_dir_open(&squash->fs, &inode, dir, 0) != SQFS_OK)
		return EIO;
	return skip(squash, &inode, dir, name, offset);
}

/* Returns 0 with *more false at the end. */
static int next(struct squash *squash, sqfs_dir *dir, sqfs_dir_entry *entry, bool *more)
{
	sqfs_err error = SQFS_OK;

	*more = false;
	/* The block where an empty one would begin need not exist. */
	if (dir->header.count == 0 && dir->offset >= dir->total)
		return 0;
	if (bounds_check(squash, &dir->cur))
		return EIO;
	*more = sqfs_dir_next(&squash->fs, dir, entry, &error);
	if (error != SQFS_OK)
		return EIO;
	return *more && !is_name(entry) ? EIO : 0;
}

int squash_lookup(struct squash *squash, uint64_t number, const char *name, uint64_t *inode)
{
	sqfs_dir_entry entry;
	sqfs_dir dir;
	bool more;
	int error;

	if (strlen(name) > SQUASHFS_NAME_LEN)
		return ENAMETOOLONG;
	error = open_dir(squash, number, &dir, name, 0);
	sqfs_dentry_init(&entry, squash->name);
	while (!error && !(error = next(squash, &dir, &entry, &more)) && more) {
		int order = strcmp(sqfs_dentry_name(&entry), name);

		if (order > 0)
			break;
		if (order < 0)
			continue;
		*inode = sqfs_dentry_inode(&entry);
		return 0;
	}
	return error ? error : ENOENT;
}

int squash_readdir(struct squash *squash, uint64_t number, off_t offset,
		   bool (*each)(const struct squash_entry *entry, void *data), void *data)
{
	sqfs_dir_entry found;
	sqfs_dir dir;
	bool more;
	int error = open_dir(squash, number, &dir, NULL, offset);

	sqfs_dentry_init(&found, squash->name);
	while (!error && !(error = next(squash, &dir, &found, &more)) && more) {
		const struct squash_entry entry = {
			.name = sqfs_dentry_name(&found),
			.inode = sqfs_dentry_inode(&found),
			.type = sqfs_dentry_mode(&found),
			.next = sqfs_dentry_next_offset(&found),
		};

		/* A group can only be read from its beginning. */
		if (sqfs_dentry_offset(&found) >= offset && !each(&entry, data))
			break;
	}
	return error;
}
