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
	struct cursor cursor;
	uint32_t left;
	char name[XATTR_NAME_MAX + 1];
	bool elsewhere;
	/* Of the value: its size, or where that is. */
	uint64_t position;
	size_t offset;
};

static int start(struct squash *squash, uint64_t number, struct walk *walk)
{
	struct squashfs_xattr_id id;
	struct inode inode;
	uint64_t at;

	walk->left = 0;
	if (inode_read(squash, number, &inode, &walk->cursor))
		return EIO;
	if (!squash->has_xattrs || inode.xattr == SQUASHFS_INVALID_XATTR)
		return 0;
	if (table_get(&squash->xattrs, squash->metadata, inode.xattr, &id))
		return EIO;
	at = le64toh(id.xattr);
	if (at >> 48)
		return EIO;
	cursor_set(&walk->cursor, squash->metadata, squash->xattr_start + (at >> 16), at & 0xffff,
		   squash->size);
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

static int read_size(struct cursor *cursor, size_t *size)
{
	uint32_t stored;

	if (cursor_read(cursor, &stored, sizeof(stored)))
		return EIO;
	*size = le32toh(stored);
	return *size <= XATTR_SIZE_MAX ? 0 : EIO;
}

/* One must be left. */
static int next(struct walk *walk)
{
	struct cursor *cursor = &walk->cursor;
	struct squashfs_xattr_entry entry;
	size_t size, value_size;
	const char *begin;

	if (cursor_read(cursor, &entry, sizeof(entry)))
		return EIO;
	begin = prefix(le16toh(entry.type));
	size = le16toh(entry.size);
	if (!begin || size == 0 || strlen(begin) + size > XATTR_NAME_MAX)
		return EIO;
	strcpy(walk->name, begin);
	if (cursor_read(cursor, walk->name + strlen(begin), size))
		return EIO;
	walk->name[strlen(begin) + size] = '\0';
	walk->elsewhere = le16toh(entry.type) & SQUASHFS_XATTR_VALUE_OOL;
	walk->position = cursor->position;
	walk->offset = cursor->offset;
	walk->left--;
	return read_size(cursor, &value_size) ? EIO : cursor_read(cursor, NULL, value_size);
}

/* Moves the cursor to the first byte of the value. There is no way on to the next attribute then. */
static int open_value(const struct squash *squash, struct walk *walk, size_t *size)
{
	struct cursor *cursor = &walk->cursor;
	uint64_t at;

	cursor_move(cursor, walk->position, walk->offset);
	if (read_size(cursor, size))
		return EIO;
	if (!walk->elsewhere)
		return 0;
	if (*size != sizeof(at) || cursor_read(cursor, &at, sizeof(at)))
		return EIO;
	at = le64toh(at);
	if (at >> 48)
		return EIO;
	cursor_move(cursor, squash->xattr_start + (at >> 16), at & 0xffff);
	return read_size(cursor, size);
}

int squash_getxattr(struct squash *squash, uint64_t number, const char *name, char *buf,
		    size_t size, size_t *len)
{
	struct walk walk;
	int error = start(squash, number, &walk);

	while (!error && walk.left > 0) {
		error = next(&walk);
		if (error || strcmp(walk.name, name) != 0)
			continue;
		error = open_value(squash, &walk, len);
		if (error || size == 0)
			return error;
		return *len > size ? ERANGE : cursor_read(&walk.cursor, buf, *len);
	}
	return error ? error : ENODATA;
}

/* Linux shows these only to who may do anything on the node; no container has such a process. */
static bool is_shown(const char *name)
{
	return strncmp(name, "trusted.", strlen("trusted.")) != 0;
}

static int list(struct squash *squash, uint64_t number, bool all, char *buf, size_t size,
		size_t *len)
{
	struct walk walk;
	int error = start(squash, number, &walk);

	*len = 0;
	while (!error && walk.left > 0) {
		size_t room;

		error = next(&walk);
		if (error)
			break;
		if (!all && !is_shown(walk.name))
			continue;
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

int squash_listxattr(struct squash *squash, uint64_t number, char *buf, size_t size, size_t *len)
{
	return list(squash, number, false, buf, size, len);
}

int squash_listxattr_all(struct squash *squash, uint64_t number, char *buf, size_t size,
			 size_t *len)
{
	return list(squash, number, true, buf, size, len);
}
