/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_dir.c - directories: see squash.h.
 *
 * A directory is a list of entries in the order of their names, in groups with a header each. A big
 * one has an index behind its inode: for each block of the list, where the first group in it begins
 * and the first name there. A group can only be read from its beginning.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define GROUP_MAX  256 /* entries */
#define DOTS       3   /* bytes by which a directory's size is more than its list, "." and ".." */
#define ENTRY_NAME (SQUASHFS_NAME_LEN + 1)

/* A walk along a list. */
struct walk {
	struct cursor at;
	size_t offset, size; /* bytes: of the next entry or header, and of the list */
	uint64_t inodes;     /* where those of this group are */
	uint32_t number;     /* from which theirs are counted */
	uint32_t left;       /* entries of this group */
};

struct entry {
	char name[ENTRY_NAME];
	uint64_t inode;
	uint32_t number;
	mode_t type;
	size_t offset; /* of the entry in the list */
};

static const mode_t types[] = {
	[SQUASHFS_DIR_TYPE] = S_IFDIR,     [SQUASHFS_REG_TYPE] = S_IFREG,
	[SQUASHFS_SYMLINK_TYPE] = S_IFLNK, [SQUASHFS_BLKDEV_TYPE] = S_IFBLK,
	[SQUASHFS_CHRDEV_TYPE] = S_IFCHR,  [SQUASHFS_FIFO_TYPE] = S_IFIFO,
	[SQUASHFS_SOCKET_TYPE] = S_IFSOCK,
};

/* Moves on to the last group that the index knows before `name`, or, where that is NULL, before
 * `offset`. The cursor is where the index is. */
static int skip(const struct squash *squash, const struct inode *inode, struct cursor *index,
		struct walk *walk, const char *name, size_t offset)
{
	for (size_t left = inode->dir.index_count; left > 0; left--) {
		struct squashfs_dir_index stored;
		char first[ENTRY_NAME];
		size_t size, start;

		if (cursor_read(index, &stored, sizeof(stored)))
			return EIO;
		size = (size_t)le32toh(stored.size) + 1;
		start = le32toh(stored.index);
		if (size > SQUASHFS_NAME_LEN || start > walk->size ||
		    cursor_read(index, first, size))
			return EIO;
		first[size] = '\0';
		if (name ? strcmp(first, name) > 0 : offset < start)
			break;
		walk->offset = start;
		cursor_move(&walk->at, squash->directories + le32toh(stored.start_block),
			    (inode->dir.offset + start) % METADATA_SIZE);
	}
	return 0;
}

static int open_dir(struct squash *squash, uint64_t number, struct walk *walk, const char *name,
		    size_t offset)
{
	struct cursor index;
	struct inode inode;

	if (inode_read(squash, number, &inode, &index))
		return EIO;
	if (!S_ISDIR(inode.mode))
		return ENOTDIR;
	walk->offset = 0;
	walk->left = 0;
	walk->size = inode.size > DOTS ? inode.size - DOTS : 0;
	cursor_set(&walk->at, squash->metadata, squash->directories + inode.dir.block,
		   inode.dir.offset, squash->size);
	return skip(squash, &inode, &index, walk, name, offset);
}

static int take(struct walk *walk, void *buf, size_t size)
{
	if (size > walk->size - walk->offset)
		return EIO;
	walk->offset += size;
	return cursor_read(&walk->at, buf, size);
}

static int next_group(struct walk *walk)
{
	struct squashfs_dir_header header;

	if (take(walk, &header, sizeof(header)))
		return EIO;
	if (le32toh(header.count) >= GROUP_MAX)
		return EIO;
	walk->left = le32toh(header.count) + 1;
	walk->inodes = (uint64_t)le32toh(header.start_block) << 16;
	walk->number = le32toh(header.inode_number);
	return 0;
}

/* As Linux takes them: what follows a "/" or a NUL would never be found, and "." is somebody else's. */
static bool is_name(const char *name, size_t size)
{
	return strlen(name) == size && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

/* Returns 0 with *more false at the end. */
static int next(struct walk *walk, struct entry *entry, bool *more)
{
	struct squashfs_dir_entry stored;
	uint16_t type;
	size_t size;

	*more = walk->left > 0 || walk->offset < walk->size;
	if (!*more)
		return 0;
	if (walk->left == 0 && next_group(walk))
		return EIO;
	entry->offset = walk->offset;
	if (take(walk, &stored, sizeof(stored)))
		return EIO;
	type = le16toh(stored.type);
	size = (size_t)le16toh(stored.size) + 1;
	if (type >= sizeof(types) / sizeof(types[0]) || !types[type] || size > SQUASHFS_NAME_LEN ||
	    take(walk, entry->name, size))
		return EIO;
	entry->name[size] = '\0';
	entry->inode = walk->inodes | le16toh(stored.offset);
	entry->number = walk->number + (uint32_t)(int16_t)le16toh(stored.inode_number);
	entry->type = types[type];
	walk->left--;
	return is_name(entry->name, size) ? 0 : EIO;
}

int squash_lookup(struct squash *squash, uint64_t number, const char *name, uint64_t *inode)
{
	struct entry entry;
	struct walk walk;
	bool more;
	int error;

	if (strlen(name) > SQUASHFS_NAME_LEN)
		return ENAMETOOLONG;
	error = open_dir(squash, number, &walk, name, 0);
	while (!error && !(error = next(&walk, &entry, &more)) && more) {
		int order = strcmp(entry.name, name);

		if (order > 0)
			break;
		if (order < 0)
			continue;
		*inode = entry.inode;
		return 0;
	}
	return error ? error : ENOENT;
}

int squash_readdir(struct squash *squash, uint64_t number, off_t offset,
		   bool (*each)(const struct squash_entry *entry, void *data), void *data)
{
	struct entry found;
	struct walk walk;
	bool more;
	int error = open_dir(squash, number, &walk, NULL, (size_t)offset);

	while (!error && !(error = next(&walk, &found, &more)) && more) {
		const struct squash_entry entry = {
			.name = found.name,
			.inode = found.inode,
			.number = found.number,
			.type = found.type,
			.next = (off_t)walk.offset,
		};

		if (found.offset >= (size_t)offset && !each(&entry, data))
			break;
	}
	return error;
}

int squash_parent(struct squash *squash, uint64_t number, uint32_t *parent)
{
	struct cursor cursor;
	struct inode inode;

	if (inode_read(squash, number, &inode, &cursor))
		return EIO;
	if (!S_ISDIR(inode.mode))
		return ENOTDIR;
	*parent = inode.dir.parent;
	return 0;
}
