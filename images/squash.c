/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash.c - see squash.h: a whole image, and what an inode says. squash_dir.c, squash_file.c and
 * squash_xattr.c have the rest; metadata.c gets them the bytes.
 *
 * The format is that of squashfs 4.0: Documentation/filesystems/squashfs.rst of Linux, and
 * libsquashfuse's squashfs_fs.h for the structures. The library's own reader is not used: it checks no
 * position, count or size, serves one thread, and keeps 64 KiB of what it has decompressed.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/codec.h"
#include "images/read.h"

/* The lists of blocks of such tables take 1 MiB of memory or less; no image comes near to them. */
#define FRAGMENTS_MAX (1u << 26)
#define XATTRS_MAX    (1u << 26)
#define INODES_MAX    (1u << 28)

#define NOWHERE UINT64_MAX /* as the start of a table: there is none */

static int refuse(const char *what, struct error *err)
{
	return error_set(err, 0, "its superblock is damaged: %s", what);
}

static int refuse_read(struct error *err)
{
	return error_set(err, 0, "its tables are damaged or cannot be read");
}

/* Whether a table of `count` elements of `each` bytes, the list of whose blocks is at `start`, can be
 * in an image of `end` bytes. */
static bool has_table(uint64_t start, uint64_t count, uint64_t each, uint64_t most, uint64_t end)
{
	uint64_t list = (count * each + METADATA_SIZE - 1) / METADATA_SIZE * sizeof(uint64_t);

	return count <= most && start >= sizeof(struct squashfs_super_block) && start <= end &&
	       list <= end - start;
}

static int check_kind(const struct squashfs_super_block *head, struct error *err)
{
	if (le32toh(head->s_magic) != SQUASHFS_MAGIC)
		return error_set(err, 0, "its superblock is damaged");
	if (le16toh(head->s_major) != SQUASHFS_MAJOR || le16toh(head->s_minor) > SQUASHFS_MINOR)
		return error_set(err, 0, "its version is not 4.0");
	if (!codec_exists(le16toh(head->compression)))
		return error_set(err, 0, "its compression is not supported");
	return 0;
}

static int take_superblock(struct squash *squash, const struct squashfs_super_block *head,
			   struct error *err)
{
	uint16_t log = le16toh(head->block_log);

	squash->compression = le16toh(head->compression);
	squash->made = le32toh(head->mkfs_time);
	squash->size = le64toh(head->bytes_used);
	squash->root = le64toh(head->root_inode);
	squash->inodes = le64toh(head->inode_table_start);
	squash->directories = le64toh(head->directory_table_start);
	squash->inode_count = le32toh(head->inodes);
	squash->block_size = le32toh(head->block_size);
	squash->has_xattrs = le64toh(head->xattr_id_table_start) != NOWHERE;
	if (squash->size < sizeof(*head) || squash->size > INT64_MAX / 2)
		return refuse("its size", err);
	if (log < 12 || log > 20 || squash->block_size != 1u << log)
		return refuse("the size of blocks", err);
	if (squash->inodes < sizeof(*head) || squash->inodes >= squash->directories ||
	    squash->directories > squash->size)
		return refuse("where inodes and directories are", err);
	return 0;
}

/* Of two tables that nothing is read from here: in a container every file is the user's own, and nobody
 * asks for an inode by its plain number. */
static int check_others(struct squash *squash, const struct squashfs_super_block *head,
			struct error *err)
{
	uint64_t lookup = le64toh(head->lookup_table_start);

	if (head->no_ids == 0 || !has_table(le64toh(head->id_table_start), le16toh(head->no_ids), 4,
					    UINT16_MAX, squash->size))
		return refuse("the table of ids", err);
	if (lookup != NOWHERE &&
	    !has_table(lookup, squash->inode_count, 8, INODES_MAX, squash->size))
		return refuse("the table of inodes", err);
	squash->ids_start = le64toh(head->id_table_start);
	squash->id_count = le16toh(head->no_ids);
	return 0;
}

static int open_fragments(struct squash *squash, const struct squashfs_super_block *head,
			  struct error *err)
{
	uint64_t start = le64toh(head->fragment_table_start);
	size_t count = le32toh(head->fragments), each = sizeof(struct squashfs_fragment_entry);

	if (count == 0)
		return 0;
	if (!has_table(start, count, each, FRAGMENTS_MAX, squash->size))
		return refuse("the table of fragments", err);
	return table_open(&squash->fragments, squash->metadata, start, count, each)
		       ? refuse_read(err)
		       : 0;
}

static int open_xattrs(struct squash *squash, const struct squashfs_super_block *head,
		       struct error *err)
{
	uint64_t start = le64toh(head->xattr_id_table_start);
	struct squashfs_xattr_id_table table;
	size_t each = sizeof(struct squashfs_xattr_id);

	if (!squash->has_xattrs)
		return 0;
	if (start > squash->size ||
	    metadata_read_raw(squash->metadata, start, &table, sizeof(table)))
		return refuse("the table of extended attributes", err);
	squash->xattr_start = le64toh(table.xattr_table_start);
	start += sizeof(table);
	if (squash->xattr_start > squash->size ||
	    !has_table(start, le32toh(table.xattr_ids), each, XATTRS_MAX, squash->size))
		return refuse("the table of extended attributes", err);
	return table_open(&squash->xattrs, squash->metadata, start, le32toh(table.xattr_ids), each)
		       ? refuse_read(err)
		       : 0;
}

static int open_tables(struct squash *squash, int fd, off_t offset,
		       const struct squashfs_super_block *head, struct error *err)
{
	struct inode root;
	struct cursor cursor;

	if (take_superblock(squash, head, err) < 0 || check_others(squash, head, err) < 0)
		return -1;
	squash->codec = codec_new(le16toh(head->compression));
	squash->metadata =
		squash->codec ? metadata_new(fd, offset, squash->size, squash->codec) : NULL;
	if (!squash->metadata)
		return error_set(err, ENOMEM, "cannot read the image");
	if (open_fragments(squash, head, err) < 0 || open_xattrs(squash, head, err) < 0)
		return -1;
	if (inode_read(squash, squash->root, &root, &cursor) || !S_ISDIR(root.mode))
		return error_set(err, 0, "its root directory is damaged or cannot be read");
	return 0;
}

struct squash *squash_open(int fd, off_t offset, struct error *err)
{
	struct squash *squash = calloc(1, sizeof(*squash));
	struct squashfs_super_block head;

	if (!squash) {
		error_set(err, ENOMEM, "cannot read the image");
		return NULL;
	}
	pthread_mutex_init(&squash->lock, NULL);
	if (image_read(fd, &head, sizeof(head), offset) != (ssize_t)sizeof(head))
		(void)refuse_read(err);
	else if (check_kind(&head, err) == 0 && open_tables(squash, fd, offset, &head, err) == 0)
		return squash;
	squash_close(squash);
	return NULL;
}

void squash_close(struct squash *squash)
{
	if (!squash)
		return;
	file_maps_done(squash);
	table_close(&squash->fragments);
	table_close(&squash->xattrs);
	table_close(&squash->ids);
	metadata_free(squash->metadata);
	codec_free(squash->codec);
	pthread_mutex_destroy(&squash->lock);
	free(squash);
}

uint64_t squash_root(const struct squash *squash)
{
	return squash->root;
}

size_t squash_block_size(const struct squash *squash)
{
	return squash->block_size;
}

uint64_t squash_size(const struct squash *squash)
{
	return squash->size;
}

uint32_t squash_inode_count(const struct squash *squash)
{
	return squash->inode_count;
}

const char *squash_compression(const struct squash *squash)
{
	/* As mksquashfs says it, and not by the name of its library. */
	return squash->compression == ZLIB_COMPRESSION ? "gzip" : codec_name(squash->compression);
}

time_t squash_made(const struct squash *squash)
{
	return squash->made;
}

bool squash_has_xattrs(const struct squash *squash)
{
	return squash->has_xattrs;
}

static void tell(const struct squash *squash, const struct inode *inode, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = inode->number;
	st->st_mode = inode->mode;
	st->st_nlink = inode->links;
	st->st_size = (off_t)inode->size;
	st->st_mtime = st->st_ctime = st->st_atime = inode->time;
	st->st_blksize = squash->block_size;
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		st->st_rdev = inode->device;
	if (S_ISREG(inode->mode) && inode->file.holes < inode->size)
		st->st_blocks = (blkcnt_t)((inode->size - inode->file.holes - 1) / 512 + 1);
}

int squash_stat(struct squash *squash, uint64_t number, struct stat *st)
{
	struct cursor cursor;
	struct inode inode;

	if (inode_read(squash, number, &inode, &cursor))
		return EIO;
	tell(squash, &inode, st);
	return 0;
}

/* The table of owners costs containers nothing, which never ask. */
static int open_ids(struct squash *squash)
{
	int error = 0;

	pthread_mutex_lock(&squash->lock);
	if (!squash->ids.blocks)
		error = table_open(&squash->ids, squash->metadata, squash->ids_start,
				   squash->id_count, sizeof(uint32_t));
	pthread_mutex_unlock(&squash->lock);
	return error;
}

int squash_stat_owned(struct squash *squash, uint64_t number, struct stat *st)
{
	struct cursor cursor;
	struct inode inode;
	uint32_t uid, gid;
	int error;

	if (inode_read(squash, number, &inode, &cursor))
		return EIO;
	error = open_ids(squash);
	if (!error)
		error = table_get(&squash->ids, squash->metadata, inode.uid, &uid);
	if (!error)
		error = table_get(&squash->ids, squash->metadata, inode.gid, &gid);
	if (error)
		return error;
	tell(squash, &inode, st);
	st->st_uid = le32toh(uid);
	st->st_gid = le32toh(gid);
	return 0;
}

void squash_statfs(const struct squash *squash, struct statvfs *st)
{
	memset(st, 0, sizeof(*st));
	st->f_bsize = st->f_frsize = squash->block_size;
	st->f_blocks = (squash->size + squash->block_size - 1) / squash->block_size;
	st->f_files = squash->inode_count;
	st->f_namemax = SQUASHFS_NAME_LEN;
}

int squash_readlink(struct squash *squash, uint64_t number, char **target)
{
	cleanup_free char *text = NULL;
	struct cursor cursor;
	struct inode inode;

	if (inode_read(squash, number, &inode, &cursor))
		return EIO;
	if (!S_ISLNK(inode.mode))
		return EINVAL;
	text = malloc(inode.size + 1);
	if (!text)
		return ENOMEM;
	if (cursor_read(&cursor, text, inode.size))
		return EIO;
	text[inode.size] = '\0';
	*target = steal_ptr(&text);
	return 0;
}
