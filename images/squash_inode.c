/* SPDX-License-Identifier: BSD-3-Clause */
/* squash_inode.c - see squash_inner.h: the fourteen forms of an inode. */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <sys/sysmacros.h>

union stored {
	struct squashfs_base_inode base;
	struct squashfs_ipc_inode ipc;
	struct squashfs_lipc_inode lipc;
	struct squashfs_dev_inode dev;
	struct squashfs_ldev_inode ldev;
	struct squashfs_symlink_inode link;
	struct squashfs_reg_inode reg;
	struct squashfs_lreg_inode lreg;
	struct squashfs_dir_inode dir;
	struct squashfs_ldir_inode ldir;
};

/* By the numbers of the types; the second half are the long forms. */
static const struct {
	mode_t mode;
	size_t size;
} forms[] = {
	[SQUASHFS_DIR_TYPE] = { S_IFDIR, sizeof(struct squashfs_dir_inode) },
	[SQUASHFS_REG_TYPE] = { S_IFREG, sizeof(struct squashfs_reg_inode) },
	[SQUASHFS_SYMLINK_TYPE] = { S_IFLNK, sizeof(struct squashfs_symlink_inode) },
	[SQUASHFS_BLKDEV_TYPE] = { S_IFBLK, sizeof(struct squashfs_dev_inode) },
	[SQUASHFS_CHRDEV_TYPE] = { S_IFCHR, sizeof(struct squashfs_dev_inode) },
	[SQUASHFS_FIFO_TYPE] = { S_IFIFO, sizeof(struct squashfs_ipc_inode) },
	[SQUASHFS_SOCKET_TYPE] = { S_IFSOCK, sizeof(struct squashfs_ipc_inode) },
	[SQUASHFS_LDIR_TYPE] = { S_IFDIR, sizeof(struct squashfs_ldir_inode) },
	[SQUASHFS_LREG_TYPE] = { S_IFREG, sizeof(struct squashfs_lreg_inode) },
	[SQUASHFS_LSYMLINK_TYPE] = { S_IFLNK, sizeof(struct squashfs_symlink_inode) },
	[SQUASHFS_LBLKDEV_TYPE] = { S_IFBLK, sizeof(struct squashfs_ldev_inode) },
	[SQUASHFS_LCHRDEV_TYPE] = { S_IFCHR, sizeof(struct squashfs_ldev_inode) },
	[SQUASHFS_LFIFO_TYPE] = { S_IFIFO, sizeof(struct squashfs_lipc_inode) },
	[SQUASHFS_LSOCKET_TYPE] = { S_IFSOCK, sizeof(struct squashfs_lipc_inode) },
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* As Linux takes the number apart. */
static dev_t device_of(uint32_t stored)
{
	return makedev(stored >> 8 & 0xfff, (stored & 0xff) | (stored >> 12 & 0xfff00));
}

static void take_file(const union stored *stored, struct inode *inode)
{
	inode->links = 1;
	inode->size = le32toh(stored->reg.file_size);
	inode->file.start = le32toh(stored->reg.start_block);
	inode->file.holes = 0;
	inode->file.fragment = le32toh(stored->reg.fragment);
	inode->file.fragment_offset = le32toh(stored->reg.offset);
}

static void take_long_file(const union stored *stored, struct inode *inode)
{
	inode->links = le32toh(stored->lreg.nlink);
	inode->size = le64toh(stored->lreg.file_size);
	inode->file.start = le64toh(stored->lreg.start_block);
	inode->file.holes = le64toh(stored->lreg.sparse);
	inode->file.fragment = le32toh(stored->lreg.fragment);
	inode->file.fragment_offset = le32toh(stored->lreg.offset);
	inode->xattr = le32toh(stored->lreg.xattr);
}

static void take_dir(const union stored *stored, struct inode *inode)
{
	inode->links = le32toh(stored->dir.nlink);
	inode->size = le16toh(stored->dir.file_size);
	inode->dir.parent = le32toh(stored->dir.parent_inode);
	inode->dir.block = le32toh(stored->dir.start_block);
	inode->dir.offset = le16toh(stored->dir.offset);
	inode->dir.index_count = 0;
}

static void take_long_dir(const union stored *stored, struct inode *inode)
{
	inode->links = le32toh(stored->ldir.nlink);
	inode->size = le32toh(stored->ldir.file_size);
	inode->dir.parent = le32toh(stored->ldir.parent_inode);
	inode->dir.block = le32toh(stored->ldir.start_block);
	inode->dir.offset = le16toh(stored->ldir.offset);
	inode->dir.index_count = le16toh(stored->ldir.i_count);
	inode->xattr = le32toh(stored->ldir.xattr);
}

/* The number of a long link's attributes is behind the target; the cursor stays before that. */
static int take_link(uint16_t type, const union stored *stored, struct inode *inode,
		     struct cursor *cursor)
{
	uint64_t position = cursor->position;
	size_t offset = cursor->offset;
	uint32_t xattr;

	inode->links = le32toh(stored->link.nlink);
	inode->size = le32toh(stored->link.symlink_size);
	if (inode->size >= PATH_MAX)
		return EIO;
	if (type != SQUASHFS_LSYMLINK_TYPE)
		return 0;
	if (cursor_read(cursor, NULL, inode->size) || cursor_read(cursor, &xattr, sizeof(xattr)))
		return EIO;
	inode->xattr = le32toh(xattr);
	cursor_move(cursor, position, offset);
	return 0;
}

static int take(uint16_t type, const union stored *stored, struct inode *inode,
		struct cursor *cursor)
{
	switch (type) {
	case SQUASHFS_REG_TYPE:
		take_file(stored, inode);
		break;
	case SQUASHFS_LREG_TYPE:
		take_long_file(stored, inode);
		break;
	case SQUASHFS_DIR_TYPE:
		take_dir(stored, inode);
		break;
	case SQUASHFS_LDIR_TYPE:
		take_long_dir(stored, inode);
		break;
	case SQUASHFS_SYMLINK_TYPE:
	case SQUASHFS_LSYMLINK_TYPE:
		return take_link(type, stored, inode, cursor);
	case SQUASHFS_LBLKDEV_TYPE:
	case SQUASHFS_LCHRDEV_TYPE:
		inode->xattr = le32toh(stored->ldev.xattr);
		__attribute__((fallthrough));
	case SQUASHFS_BLKDEV_TYPE:
	case SQUASHFS_CHRDEV_TYPE:
		inode->links = le32toh(stored->dev.nlink);
		inode->device = device_of(le32toh(stored->dev.rdev));
		break;
	case SQUASHFS_LFIFO_TYPE:
	case SQUASHFS_LSOCKET_TYPE:
		inode->xattr = le32toh(stored->lipc.xattr);
		__attribute__((fallthrough));
	default:
		inode->links = le32toh(stored->ipc.nlink);
	}
	return inode->size <= INT64_MAX ? 0 : EIO;
}

int inode_read(struct squash *squash, uint64_t number, struct inode *inode, struct cursor *cursor)
{
	union stored stored;
	uint16_t type;

	/* 48 bits: where the block is, from the start of the table, and where it is in there. */
	if (number >> 48)
		return EIO;
	cursor_set(cursor, squash->metadata, squash->inodes + (number >> 16), number & 0xffff,
		   squash->directories);
	if (cursor_read(cursor, &stored.base, sizeof(stored.base)))
		return EIO;
	type = le16toh(stored.base.inode_type);
	if (type >= FORMS || !forms[type].mode ||
	    cursor_read(cursor, (char *)&stored + sizeof(stored.base),
			forms[type].size - sizeof(stored.base)))
		return EIO;
	inode->mode = forms[type].mode | (le16toh(stored.base.mode) & 07777);
	inode->uid = le16toh(stored.base.uid);
	inode->gid = le16toh(stored.base.guid);
	inode->number = le32toh(stored.base.inode_number);
	inode->time = le32toh(stored.base.mtime);
	inode->xattr = SQUASHFS_INVALID_XATTR;
	inode->size = 0;
	return take(type, &stored, inode, cursor);
}
