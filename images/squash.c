/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash.c - see squash.h: a whole image, and what an inode says. squash_dir.c, squash_file.c and
 * squash_xattr.c have the rest.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/read.h"

#define TABLE_BLOCKS 64 /* decompressed blocks of 8 KiB that a reader keeps */

bool squash_can_read(int compression)
{
	return sqfs_decompressor_get(compression) != NULL;
}

const char *squash_compression_name(int compression)
{
	const char *name = sqfs_compression_name(compression);

	return name ? name : "an unknown method";
}

static const char *cause(sqfs_err error)
{
	switch (error) {
	case SQFS_BADFORMAT:
		return "its superblock is damaged";
	case SQFS_BADVERSION:
		return "its version is not 4.0";
	case SQFS_BADCOMP:
		return "its compression is not supported";
	case SQFS_UNSUP:
		return "it uses a feature that is not supported";
	default:
		return "its tables are damaged or cannot be read";
	}
}

static bool read_at(int fd, off_t position, void *buf, size_t size)
{
	return image_read(fd, buf, size, position) == (ssize_t)size;
}

/* Looks at what the library is going to believe. What it refuses by itself is left to it. */
static int check_head(int fd, off_t offset, struct squashfs_super_block *head, struct error *err)
{
	struct squashfs_xattr_id_table xattrs;
	uint64_t start;

	if (!read_at(fd, offset, head, sizeof(*head)) || le32toh(head->s_magic) != SQUASHFS_MAGIC ||
	    le16toh(head->s_major) != SQUASHFS_MAJOR)
		return 0;
	if (bounds_check_superblock(head, err) < 0)
		return -1;
	start = le64toh(head->xattr_id_table_start);
	if (start == UINT64_MAX)
		return 0;
	if (start > le64toh(head->bytes_used) ||
	    !read_at(fd, offset + (off_t)start, &xattrs, sizeof(xattrs)))
		memset(&xattrs, 0xff, sizeof(xattrs));
	return bounds_check_xattrs(head, &xattrs, err);
}

static int fail(const char *why, struct error *err)
{
	return error_set(err, 0, "%s", why);
}

static atomic_bool is_ours; /* libsquashfuse reads by what follows */

/* Takes the place of the library's function of that name, by which it reads all tables: a program's
 * symbols come before those of its libraries. */
__attribute__((visibility("default"))) ssize_t sqfs_pread(sqfs_fd_t fd, void *buf, size_t count,
							  sqfs_off_t offset);
ssize_t sqfs_pread(sqfs_fd_t fd, void *buf, size_t count, sqfs_off_t offset)
{
	atomic_store_explicit(&is_ours, true, memory_order_relaxed);
	return image_read(fd, buf, count, offset);
}

/* After the library has read the superblock, too. */
static int check_opened(struct squash *squash, const struct squashfs_super_block *head,
			struct error *err)
{
	sqfs_inode root;

	if (!atomic_load_explicit(&is_ours, memory_order_relaxed))
		return fail("this libsquashfuse reads images by itself", err);
	if (__BYTE_ORDER == __LITTLE_ENDIAN && memcmp(head, &squash->fs.sb, sizeof(*head)) != 0)
		return fail("it changes while it is being opened", err);
	/* The library keeps 8 blocks of tables, too few for a path with big directories. */
	sqfs_cache_destroy(&squash->fs.md_cache);
	if (sqfs_block_cache_init(&squash->fs.md_cache, TABLE_BLOCKS) != SQFS_OK)
		return error_set(err, ENOMEM, "cannot read the image");
	if (bounds_get_inode(squash, squash_root(squash), &root) || !S_ISDIR(root.base.mode))
		return fail("its root directory is damaged or cannot be read", err);
	return 0;
}

struct squash *squash_open(int fd, off_t offset, struct error *err)
{
	cleanup_free struct squash *squash = calloc(1, sizeof(*squash));
	struct squashfs_super_block head;
	sqfs_err error;

	if (!squash) {
		error_set(err, ENOMEM, "cannot read the image");
		return NULL;
	}
	if (check_head(fd, offset, &head, err) < 0)
		return NULL;
	error = sqfs_init(&squash->fs, fd, (size_t)offset);
	if (error != SQFS_OK) {
		sqfs_table_destroy(&squash->fs.xattr_table);
		fail(cause(error), err);
		return NULL;
	}
	if (check_opened(squash, &head, err) < 0) {
		squash_close(steal_ptr(&squash));
		return NULL;
	}
	return steal_ptr(&squash);
}

void squash_close(struct squash *squash)
{
	if (!squash)
		return;
	file_maps_done(squash);
	/* sqfs_destroy() forgets this one. */
	sqfs_table_destroy(&squash->fs.xattr_table);
	sqfs_destroy(&squash->fs);
	free(squash);
}

uint64_t squash_root(struct squash *squash)
{
	return sqfs_inode_root(&squash->fs);
}

size_t squash_block_size(const struct squash *squash)
{
	return squash->fs.sb.block_size;
}

bool squash_has_xattrs(struct squash *squash)
{
	return squash->fs.sb.xattr_id_table_start != (uint64_t)-1;
}

static int get_id(struct squash *squash, uint16_t index, id_t *id)
{
	uint32_t stored;

	if (bounds_get(squash, &squash->fs.id_table, squash->fs.sb.no_ids, index, &stored))
		return EIO;
	*id = le32toh(stored);
	return 0;
}

int squash_stat(struct squash *squash, uint64_t number, struct stat *st)
{
	sqfs_inode inode;

	if (bounds_get_inode(squash, number, &inode))
		return EIO;
	memset(st, 0, sizeof(*st));
	st->st_ino = inode.base.inode_number;
	st->st_mode = inode.base.mode;
	st->st_nlink = (nlink_t)inode.nlink;
	st->st_mtime = st->st_ctime = st->st_atime = inode.base.mtime;
	st->st_blksize = squash->fs.sb.block_size;
	if (S_ISREG(st->st_mode))
		st->st_size = (off_t)inode.xtra.reg.file_size;
	else if (S_ISDIR(st->st_mode))
		st->st_size = inode.xtra.dir.dir_size;
	else if (S_ISLNK(st->st_mode))
		st->st_size = (off_t)inode.xtra.symlink_size;
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		st->st_rdev = makedev((unsigned int)inode.xtra.dev.major,
				      (unsigned int)inode.xtra.dev.minor);
	st->st_blocks = st->st_size / 512 + (st->st_size % 512 > 0);
	return get_id(squash, inode.base.uid, &st->st_uid) ||
			       get_id(squash, inode.base.guid, &st->st_gid)
		       ? EIO
		       : 0;
}

void squash_statfs(struct squash *squash, struct statvfs *st)
{
	const struct squashfs_super_block *sb = &squash->fs.sb;

	memset(st, 0, sizeof(*st));
	st->f_bsize = st->f_frsize = sb->block_size;
	st->f_blocks = (sb->bytes_used + sb->block_size - 1) / sb->block_size;
	st->f_files = sb->inodes;
	st->f_namemax = SQUASHFS_NAME_LEN;
}

int squash_readlink(struct squash *squash, uint64_t number, char **target)
{
	cleanup_free char *text = NULL;
	sqfs_inode inode;
	size_t size;

	if (bounds_get_inode(squash, number, &inode))
		return EIO;
	if (!S_ISLNK(inode.base.mode))
		return EINVAL;
	size = inode.xtra.symlink_size + 1;
	text = malloc(size);
	if (!text)
		return ENOMEM;
	if (bounds_check(squash, &inode.next) ||
	    sqfs_readlink(&squash->fs, &inode, text, &size) != SQFS_OK)
		return EIO;
	*target = steal_ptr(&text);
	return 0;
}
