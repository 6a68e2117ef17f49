/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash.c - see squash.h. The one file that knows libsquashfuse.
 *
 * The library's headers bring a config.h with names like ours, so ours stays out of here.
 */
#include "images/squash.h"

#include <squashfuse/squashfuse.h>

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/read.h"

struct squash {
	sqfs fs;
};

#define TABLE_BLOCKS    64    /* decompressed blocks of 8 KiB that a reader keeps */
#define XATTR_VALUE_MAX 65536 /* XATTR_SIZE_MAX of Linux */

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

/* libsquashfuse does not ask. */
static bool is_block_size(size_t size)
{
	return size >= 4096 && size <= 1048576 && (size & (size - 1)) == 0;
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

struct squash *squash_open(int fd, off_t offset, struct error *err)
{
	cleanup_free struct squash *squash = calloc(1, sizeof(*squash));
	sqfs_err error;

	if (!squash) {
		error_set(err, ENOMEM, "cannot read the image");
		return NULL;
	}
	error = sqfs_init(&squash->fs, fd, (size_t)offset);
	if (error != SQFS_OK) {
		error_set(err, 0, "%s", cause(error));
		return NULL;
	}
	if (!atomic_load_explicit(&is_ours, memory_order_relaxed)) {
		sqfs_destroy(&squash->fs);
		error_set(err, 0, "this libsquashfuse reads images by itself");
		return NULL;
	}
	if (!is_block_size(squash->fs.sb.block_size)) {
		sqfs_destroy(&squash->fs);
		error_set(err, 0, "%s", cause(SQFS_BADFORMAT));
		return NULL;
	}
	/* The library keeps 8 blocks of tables, too few for a path with big directories. */
	sqfs_cache_destroy(&squash->fs.md_cache);
	if (sqfs_block_cache_init(&squash->fs.md_cache, TABLE_BLOCKS) != SQFS_OK) {
		error_set(err, ENOMEM, "cannot read the image");
		return NULL;
	}
	return steal_ptr(&squash);
}

void squash_close(struct squash *squash)
{
	if (!squash)
		return;
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

static int get_inode(struct squash *squash, uint64_t number, sqfs_inode *inode)
{
	return sqfs_inode_get(&squash->fs, inode, number) == SQFS_OK ? 0 : EIO;
}

static int get_directory(struct squash *squash, uint64_t number, sqfs_inode *inode)
{
	if (get_inode(squash, number, inode))
		return EIO;
	return S_ISDIR(inode->base.mode) ? 0 : ENOTDIR;
}

int squash_stat(struct squash *squash, uint64_t number, struct stat *st)
{
	sqfs_inode inode;
	sqfs_id_t id;

	if (get_inode(squash, number, &inode))
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
	st->st_blocks = (st->st_size + 511) / 512;
	if (sqfs_id_get(&squash->fs, inode.base.uid, &id) != SQFS_OK)
		return EIO;
	st->st_uid = id;
	if (sqfs_id_get(&squash->fs, inode.base.guid, &id) != SQFS_OK)
		return EIO;
	st->st_gid = id;
	return 0;
}

int squash_lookup(struct squash *squash, uint64_t dir, const char *name, uint64_t *number)
{
	sqfs_inode inode;
	sqfs_dir_entry entry;
	sqfs_name buf;
	bool found = false;
	int error = get_directory(squash, dir, &inode);

	if (error)
		return error;
	if (strlen(name) > SQUASHFS_NAME_LEN)
		return ENAMETOOLONG;
	sqfs_dentry_init(&entry, buf);
	if (sqfs_dir_lookup(&squash->fs, &inode, name, strlen(name), &entry, &found) != SQFS_OK)
		return EIO;
	if (!found)
		return ENOENT;
	*number = sqfs_dentry_inode(&entry);
	return 0;
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

/* Where the tail of a file is, among other tails in a block of their own. */
static int locate_fragment(struct squash *squash, const sqfs_inode *inode, size_t within,
			   struct squash_extent *extent)
{
	struct squashfs_fragment_entry entry;

	if (sqfs_frag_entry(&squash->fs, &entry, inode->xtra.reg.frag_idx) != SQFS_OK)
		return EIO;
	extent->position = entry.start_block;
	extent->header = entry.size;
	extent->offset = inode->xtra.reg.frag_off + within;
	return 0;
}

/* The walk along a file's list of blocks, forward only. */
static int locate_block(struct squash *squash, sqfs_blocklist *list, off_t offset,
			struct squash_extent *extent)
{
	size_t block_size = squash->fs.sb.block_size;

	do {
		if (sqfs_blocklist_next(list) != SQFS_OK)
			return EIO;
	} while (list->pos + block_size <= (uint64_t)offset);
	extent->position = list->block;
	extent->header = list->header;
	extent->hole = list->input_size == 0;
	extent->offset = (size_t)offset % block_size;
	return 0;
}

int squash_locate(struct squash *squash, uint64_t number, off_t offset, size_t size,
		  struct squash_extent *extents, size_t max, size_t *count)
{
	size_t block_size = squash->fs.sb.block_size;
	sqfs_blocklist list;
	sqfs_inode inode;
	uint64_t end, in_blocks;

	if (get_inode(squash, number, &inode))
		return EIO;
	if (!S_ISREG(inode.base.mode) || offset < 0)
		return EINVAL;
	*count = 0;
	end = inode.xtra.reg.file_size;
	if ((uint64_t)offset >= end)
		return 0;
	if (size > end - (uint64_t)offset)
		size = (size_t)(end - (uint64_t)offset);
	in_blocks = sqfs_blocklist_count(&squash->fs, &inode);
	if (sqfs_blockidx_blocklist(&squash->fs, &inode, &list, offset) != SQFS_OK)
		return EIO;
	while (size > 0 && *count < max) {
		struct squash_extent *extent = &extents[(*count)++];
		size_t within = (size_t)offset % block_size;
		int error;

		*extent = (struct squash_extent){ .size = block_size - within };
		if (extent->size > size)
			extent->size = size;
		if ((uint64_t)offset / block_size >= in_blocks)
			error = locate_fragment(squash, &inode, within, extent);
		else
			error = locate_block(squash, &list, offset, extent);
		if (error)
			return error;
		offset += (off_t)extent->size;
		size -= extent->size;
	}
	return 0;
}

struct source {
	const struct squash *squash;
	const struct squash_extent *extent;
};

static int read_image(const struct squash *squash, uint64_t position, void *buf, size_t size)
{
	off_t at = (off_t)(position + squash->fs.offset);
	size_t got = 0;

	while (got < size) {
		ssize_t n =
			image_read(squash->fs.fd, (char *)buf + got, size - got, at + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return EIO;
		got += (size_t)n;
	}
	return 0;
}

/* A block as it is stored is no bigger than a block; the decompressor keeps to the room it has. */
static int decompress(void *context, void *data, size_t *size)
{
	const struct source *source = context;
	const struct squash *squash = source->squash;
	cleanup_free void *stored = NULL;
	uint32_t stored_size;
	bool is_compressed;
	int error;

	sqfs_data_header(source->extent->header, &is_compressed, &stored_size);
	if (stored_size == 0 || stored_size > *size)
		return EIO;
	if (!is_compressed) {
		*size = stored_size;
		return read_image(squash, source->extent->position, data, stored_size);
	}
	stored = malloc(stored_size);
	if (!stored)
		return ENOMEM;
	error = read_image(squash, source->extent->position, stored, stored_size);
	if (!error && squash->fs.decompressor(stored, stored_size, data, size) != SQFS_OK)
		error = EIO;
	return error;
}

int squash_get_block(const struct squash *squash, struct blocks *cache,
		     const struct squash_extent *extent, const struct block **block)
{
	struct source source = { .squash = squash, .extent = extent };
	int error = blocks_get(cache, extent->position, decompress, &source, block);

	if (error)
		return error;
	if (extent->offset <= (*block)->size && extent->size <= (*block)->size - extent->offset)
		return 0;
	/* The file says that there is more in the block than there is. */
	blocks_put(cache, *block);
	return EIO;
}

int squash_readlink(struct squash *squash, uint64_t number, char **target)
{
	cleanup_free char *text = NULL;
	sqfs_inode inode;
	size_t size;

	if (get_inode(squash, number, &inode))
		return EIO;
	if (!S_ISLNK(inode.base.mode))
		return EINVAL;
	size = inode.xtra.symlink_size + 1;
	if (size > PATH_MAX)
		return EIO;
	text = malloc(size);
	if (!text)
		return ENOMEM;
	if (sqfs_readlink(&squash->fs, &inode, text, &size) != SQFS_OK)
		return EIO;
	*target = steal_ptr(&text);
	return 0;
}

int squash_readdir(struct squash *squash, uint64_t number, off_t offset,
		   bool (*each)(const struct squash_entry *entry, void *data), void *data)
{
	sqfs_inode inode;
	sqfs_dir dir;
	sqfs_dir_entry found;
	sqfs_name name;
	sqfs_err error = SQFS_OK;
	int result = get_directory(squash, number, &inode);

	if (result)
		return result;
	if (sqfs_dir_open(&squash->fs, &inode, &dir, offset) != SQFS_OK)
		return EIO;
	sqfs_dentry_init(&found, name);
	while (sqfs_dir_next(&squash->fs, &dir, &found, &error)) {
		struct squash_entry entry = {
			.name = sqfs_dentry_name(&found),
			.inode = sqfs_dentry_inode(&found),
			.type = sqfs_dentry_mode(&found),
			.next = sqfs_dentry_next_offset(&found),
		};

		if (!each(&entry, data))
			return 0;
	}
	return error == SQFS_OK ? 0 : EIO;
}

int squash_getxattr(struct squash *squash, uint64_t number, const char *name, char *buf,
		    size_t size, size_t *len)
{
	sqfs_inode inode;
	sqfs_xattr xattr;
	bool found = false;

	if (get_inode(squash, number, &inode) ||
	    sqfs_xattr_open(&squash->fs, &inode, &xattr) != SQFS_OK)
		return EIO;
	if (xattr.remain == 0)
		return ENODATA;
	if (sqfs_xattr_find(&xattr, name, &found) != SQFS_OK)
		return EIO;
	if (!found)
		return ENODATA;
	if (sqfs_xattr_value_size(&xattr, len) != SQFS_OK || *len > XATTR_VALUE_MAX)
		return EIO;
	if (size == 0)
		return 0;
	if (size < *len)
		return ERANGE;
	return sqfs_xattr_value(&xattr, buf) == SQFS_OK ? 0 : EIO;
}

int squash_listxattr(struct squash *squash, uint64_t number, char *buf, size_t size, size_t *len)
{
	sqfs_inode inode;
	sqfs_xattr xattr;

	*len = 0;
	if (get_inode(squash, number, &inode) ||
	    sqfs_xattr_open(&squash->fs, &inode, &xattr) != SQFS_OK)
		return EIO;
	while (xattr.remain > 0) {
		size_t name_len;

		if (sqfs_xattr_read(&xattr) != SQFS_OK)
			return EIO;
		name_len = sqfs_xattr_name_size(&xattr);
		if (name_len > XATTR_NAME_MAX || *len + name_len + 1 > XATTR_LIST_MAX)
			return EIO;
		if (size > 0) {
			if (*len + name_len + 1 > size)
				return ERANGE;
			if (sqfs_xattr_name(&xattr, buf + *len, true) != SQFS_OK)
				return EIO;
			buf[*len + name_len] = '\0';
		}
		*len += name_len + 1;
	}
	return 0;
}
