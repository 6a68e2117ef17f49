/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_xattr.c - extended attributes: see squash.h.
 *
 * Those of an inode follow each other: type and size of the name, the name without its prefix, the size
 * of the value, the value. A value may be a position where another attribute has the same one.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define COUNT_MAX (XATTR_LIST_MAX / 2) /* a list of more would be longer than Linux has them */

struct walk {
	sqfs_md_cursor cursor;
	uint32_t left;
	char name[XATTR_NAME_MAX + 1];
	sqfs_md_cursor value; /* its size, or where that is */
	bool elsewhere;
};

static int start(struct squash *squash, uint64_t number, struct walk *walk)
{
	struct squashfs_xattr_id id;
	sqfs_inode inode;

	walk->left = 0;
	if (bounds_get_inode(squash, number, &inode))
		return EIO;
	if (!squash_has_xattrs(squash) || inode.xattr == SQUASHFS_INVALID_XATTR)
		return 0;
	if (bounds_get(squash, &squash->fs.xattr_table, squash->fs.xattr_info.xattr_ids,
		       inode.xattr, &id))
		return EIO;
	sqfs_md_cursor_inode(&walk->cursor, le64toh(id.xattr),
			     (sqfs_off_t)squash->fs.xattr_info.xattr_table_start);
	walk->left = le32toh(id.count);
	return walk->left > COUNT_MAX ? EIO : 0;
}

static const char *prefix(uint16_t type)
{
	switch (type & SQUASHFS_XATTR_PREFIX_MASK) {
	case SQUASHFS_XATTR_USER:
		return "user.";
	case SQUASHFS_XATTR_TRUSTED:
		return "trusted.";
	case SQUASHFS_XATTR_SECURITY:
		return "security.";
	default:
		return NULL;
	}
}

static int read_size(struct squash *squash, sqfs_md_cursor *cursor, size_t *size)
{
	uint32_t stored;

	if (bounds_read(squash, cursor, &stored, sizeof(stored)))
		return EIO;
	*size = le32toh(stored);
	return *size <= XATTR_SIZE_MAX ? 0 : EIO;
}

/* One must be left. */
static int next(struct squash *squash, struct walk *walk)
{
	struct squashfs_xattr_entry entry;
	size_t size, value_size;
	const char *begin;

	if (bounds_read(squash, &walk->cursor, &entry, sizeof(entry)))
		return EIO;
	begin = prefix(le16toh(entry.type));
	size = le16toh(entry.size);
	if (!begin || size == 0 || strlen(begin) + size > XATTR_NAME_MAX)
		return EIO;
	strcpy(walk->name, begin);
	if (bounds_read(squash, &walk->cursor, walk->name + strlen(begin), size))
		return EIO;
	walk->name[strlen(begin) + size] = '\0';
	walk->elsewhere = le16toh(entry.type) & SQUASHFS_XATTR_VALUE_OOL;
	walk->value = walk->cursor;
	walk->left--;
	if (read_size(squash, &walk->cursor, &value_size))
		return EIO;
	return bounds_read(squash, &walk->cursor, NULL, value_size);
}

/* Moves the cursor of the value to its first byte. */
static int open_value(struct squash *squash, struct walk *walk, size_t *size)
{
	uint64_t position;

	if (read_size(squash, &walk->value, size))
		return EIO;
	if (!walk->elsewhere)
		return 0;
	if (*size != sizeof(position) ||
	    bounds_read(squash, &walk->value, &position, sizeof(position)))
		return EIO;
	sqfs_md_cursor_inode(&walk->value, le64toh(position),
			     (sqfs_off_t)squash->fs.xattr_info.xattr_table_start);
	return read_size(squash, &walk->value, size);
}

int squash_getxattr(struct squash *squash, uint64_t number, const char *name, char *buf,
		    size_t size, size_t *len)
{
	struct walk walk;
	int error = start(squash, number, &walk);

	while (!error && walk.left > 0) {
		error = next(squash, &walk);
		if (error || strcmp(walk.name, name) != 0)
			continue;
		error = open_value(squash, &walk, len);
		if (error || size == 0)
			return error;
		return *len > size ? ERANGE : bounds_read(squash, &walk.value, buf, *len);
	}
	return error ? error : ENODATA;
}

int squash_listxattr(struct squash *squash, uint64_t number, char *buf, size_t size, size_t *len)
{
	struct walk walk;
	int error = start(squash, number, &walk);

	*len = 0;
	while (!error && walk.left > 0) {
		size_t room;

		error = next(squash, &walk);
		if (error)
			break;
		room = strlen(walk.name) + 1;
		if (*len + room > XATTR_LIST_MAX)
			return EIO;
		if (size > 0 && *len + room > size)
			return ERANGE;
		if (size > 0)
			memcpy(buf + *len, walk.name, room);
		*len += room;
	}
	return error;
}
