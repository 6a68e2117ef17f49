/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_bounds.c - see squash_inner.h.
 *
 * What libsquashfuse 0.1.105 does with a malformed image, and what is done about it. Images that try
 * each of them are made in tests/unit/test_squash.c; those that the fuzzer found are in
 * tests/fuzz/seeds/squashfs.
 *
 * - sqfs_md_read() takes the cursor's offset from the size of the block without looking which one is
 *   greater, and then copies from beyond the block. Offsets come from inode numbers (the root's and
 *   those in directories), directories, their indexes and extended attributes. bounds_check() is
 *   asked before.
 * - A block at position 0 is taken for one in its cache, an empty entry. No block is allowed before
 *   the end of the superblock.
 * - sqfs_table_get() knows neither how many elements a table has nor how long its block is.
 *   bounds_get() does.
 * - sqfs_init() reserves memory for as many table blocks as the superblock says, 64 MiB for each reader
 *   and table, and shifts by the logarithm of the block size. bounds_check_superblock().
 * - sqfs_dir_next() writes names of up to 65,536 bytes where there is room for 256; there is room for all
 *   here, and such a directory is damaged. With an index of a directory it is the same:
 *   squash_dir.c reads that itself.
 * - sqfs_inode_get() skips the target of a link of up to 4 GiB to get at what is behind it.
 * - sqfs_blockidx_add() reserves memory by the size of a file; it keeps what it has made by the inode's
 *   number as written in it, which two files may share, and leaves some of it uninitialised.
 *   squash_file.c has its own.
 * - sqfs_xattr_value() follows a position in the value, and its size may be another one then than it
 *   has told. squash_xattr.c reads attributes itself.
 *
 * In 0.5.2 all of this is as it was, but for the cache.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

/* In 0.5.2 whoever gets a block of the cache has to put it back; its headers tell the two apart. */
#ifdef atomic_inc_relaxed
#define BLOCKS_ARE_COUNTED 1
#else
#define BLOCKS_ARE_COUNTED 0
#endif

/* Each takes 1 MiB of memory or less in a reader; no image comes near to them. */
#define FRAGMENTS_MAX (1u << 26)
#define INODES_MAX    (1u << 28)
#define XATTRS_MAX    (1u << 26)

/* Whether a table of `count` elements of `each` bytes, the list of whose blocks is at `start`, can be
 * in an image of `end` bytes. */
static bool has_table(uint64_t start, uint64_t count, uint64_t each, uint64_t most, uint64_t end)
{
	uint64_t list = (count * each + SQUASHFS_METADATA_SIZE - 1) / SQUASHFS_METADATA_SIZE * 8;

	return count <= most && start >= sizeof(struct squashfs_super_block) && start <= end &&
	       list <= end - start;
}

static int refuse(const char *what, struct error *err)
{
	return error_set(err, 0, "its superblock is damaged: %s", what);
}

int bounds_check_superblock(const struct squashfs_super_block *stored, struct error *err)
{
	uint64_t end = le64toh(stored->bytes_used);
	uint64_t inodes = le64toh(stored->inode_table_start);
	uint64_t directories = le64toh(stored->directory_table_start);
	uint64_t lookup = le64toh(stored->lookup_table_start);
	uint32_t block_size = le32toh(stored->block_size);
	uint16_t log = le16toh(stored->block_log);

	if (end < sizeof(*stored) || end > INT64_MAX / 2)
		return refuse("its size", err);
	if (log < 12 || log > 20 || block_size != 1u << log)
		return refuse("the size of blocks", err);
	if (inodes < sizeof(*stored) || inodes >= directories || directories > end)
		return refuse("where inodes and directories are", err);
	if (le16toh(stored->no_ids) == 0 || !has_table(le64toh(stored->id_table_start),
						       le16toh(stored->no_ids), 4, UINT16_MAX, end))
		return refuse("the table of ids", err);
	if (le32toh(stored->fragments) > 0 &&
	    !has_table(le64toh(stored->fragment_table_start), le32toh(stored->fragments),
		       sizeof(struct squashfs_fragment_entry), FRAGMENTS_MAX, end))
		return refuse("the table of fragments", err);
	if (lookup != UINT64_MAX && !has_table(lookup, le32toh(stored->inodes), 8, INODES_MAX, end))
		return refuse("the table of inodes", err);
	return 0;
}

int bounds_check_xattrs(const struct squashfs_super_block *stored,
			const struct squashfs_xattr_id_table *head, struct error *err)
{
	uint64_t start = le64toh(stored->xattr_id_table_start);
	uint64_t end = le64toh(stored->bytes_used);

	if (le64toh(head->xattr_table_start) > end ||
	    !has_table(start + sizeof(*head), le32toh(head->xattr_ids),
		       sizeof(struct squashfs_xattr_id), XATTRS_MAX, end))
		return refuse("the table of extended attributes", err);
	return 0;
}

/* Where metadata may be. */
static bool is_inside(const struct squash *squash, sqfs_off_t position)
{
	return position >= (sqfs_off_t)sizeof(struct squashfs_super_block) &&
	       (uint64_t)position < squash->fs.sb.bytes_used;
}

/* The size of the block of metadata at `position`, decompressed. Returns 0 or EIO. */
static int get_size(struct squash *squash, sqfs_off_t position, size_t *size)
{
	sqfs_block *block;

	if (!is_inside(squash, position) ||
	    sqfs_md_cache(&squash->fs, &position, &block) != SQFS_OK)
		return EIO;
	*size = block->size;
	if (BLOCKS_ARE_COUNTED)
		sqfs_block_dispose(block);
	return 0;
}

int bounds_check(struct squash *squash, const sqfs_md_cursor *cursor)
{
	size_t size;

	if (get_size(squash, cursor->block, &size))
		return EIO;
	/* At the very end it goes on with the next block. */
	return cursor->offset <= size ? 0 : EIO;
}

int bounds_read(struct squash *squash, sqfs_md_cursor *cursor, void *buf, size_t size)
{
	if (size == 0)
		return 0;
	if (bounds_check(squash, cursor))
		return EIO;
	return sqfs_md_read(&squash->fs, cursor, buf, size) == SQFS_OK ? 0 : EIO;
}

int bounds_get(struct squash *squash, sqfs_table *table, size_t count, size_t index, void *buf)
{
	size_t at, size;

	if (index >= count || !table->blocks)
		return EIO;
	at = index * table->each;
	if (get_size(squash, (sqfs_off_t)table->blocks[at / SQUASHFS_METADATA_SIZE], &size) ||
	    at % SQUASHFS_METADATA_SIZE + table->each > size)
		return EIO;
	return sqfs_table_get(table, &squash->fs, index, buf) == SQFS_OK ? 0 : EIO;
}

static bool is_link(uint16_t type)
{
	return type == SQUASHFS_SYMLINK_TYPE || type == SQUASHFS_LSYMLINK_TYPE;
}

int bounds_get_inode(struct squash *squash, uint64_t number, sqfs_inode *inode)
{
	struct squashfs_symlink_inode head;
	sqfs_md_cursor cursor, start;

	/* 48 bits: the library adds what is above to the position. */
	if (number >> 48)
		return EIO;
	sqfs_md_cursor_inode(&cursor, number, (sqfs_off_t)squash->fs.sb.inode_table_start);
	start = cursor;
	if ((uint64_t)cursor.block >= squash->fs.sb.directory_table_start ||
	    bounds_read(squash, &cursor, &head, sizeof(struct squashfs_base_inode)))
		return EIO;
	if (is_link(le16toh(head.inode_type))) {
		if (bounds_read(squash, &start, &head, sizeof(head)) ||
		    le32toh(head.symlink_size) >= PATH_MAX)
			return EIO;
	}
	if (sqfs_inode_get(&squash->fs, inode, number) != SQFS_OK)
		return EIO;
	if (S_ISREG(inode->base.mode) && inode->xtra.reg.file_size > INT64_MAX)
		return EIO;
	return 0;
}
