/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repack.c - see repack.h.
 *
 * A squashfs made from an archive has the bytes in the order of that, which is what this is about. Of a
 * mounted image mksquashfs(1) would see no owners, since nobody but the user is mapped there, and its list
 * for sorting knows 65,536 ranks and no names with a space in front.
 */
#include "images/repack.h"

#include <endian.h>
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Otherwise it defines types of <linux/types.h> by itself. */
#define HAVE_LINUX_TYPES_LE16 1
#include <squashfuse/squashfs_fs.h>

#include "common/fd.h"
#include "images/read.h"

#define EXTENTS_MAX 64
#define LEVEL_MAX   22

/* Of a superblock's flags. */
#define ALWAYS_FRAGMENTS 0x0020u
#define HAS_OPTIONS      0x0400u

struct writing {
	const struct repack *repack;
	struct squash *squash;
	struct pack *pack;
	struct archive_entry *entry;
	char *list, *value; /* for attributes */
};

/* ---- options ------------------------------------------------------------- */

static const char *const compressors[] = { NULL, "gzip", NULL, "lzo", "xz", "lz4", "zstd" };

/* Where the level was not the usual, it stands behind the superblock: the first number, of lzo the second. */
static int read_level(const struct image *image, const struct squashfs_super_block *head)
{
	struct {
		uint16_t size;
		uint32_t numbers[2];
	} __attribute__((packed)) stored = { .size = 0 };
	uint16_t compression = le16toh(head->compression);
	uint32_t level;

	if (!(le16toh(head->flags) & HAS_OPTIONS) || compression == LZ4_COMPRESSION ||
	    compression == XZ_COMPRESSION ||
	    image_read(image->fd, &stored, sizeof(stored), image->offset + (off_t)sizeof(*head)) !=
		    (ssize_t)sizeof(stored))
		return 0;
	level = le32toh(stored.numbers[compression == LZO_COMPRESSION]);
	return level <= LEVEL_MAX ? (int)level : 0;
}

/* With -tar the tool is another in two points: it takes ends of files for fragments, and exports nothing. */
static void add_flags(const struct squashfs_super_block *head, const char *more[REPACK_MORE])
{
	static const struct {
		uint16_t flag;
		const char *word;
	} flags[] = { { 0x0001, "-noI" },
		      { 0x0002, "-noD" },
		      { 0x0008, "-noF" },
		      { 0x0100, "-noX" },
		      { 0x0010, "-no-fragments" } };
	uint16_t set = le16toh(head->flags);
	size_t count = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (set & flags[i].flag)
			more[count++] = flags[i].word;
	if (!(set & ALWAYS_FRAGMENTS))
		more[count++] = "-no-tailends";
	if (le64toh(head->lookup_table_start) != UINT64_MAX)
		more[count++] = "-exports";
	more[count] = NULL;
}

int repack_options(const struct repack *repack, struct pack_options *options,
		   const char *more[REPACK_MORE], struct error *err)
{
	const struct image *image = repack->image;
	struct squash *squash = repack->direct->squash;
	struct squashfs_super_block head;
	struct stat root;

	if (image_read(image->fd, &head, sizeof(head), image->offset) != (ssize_t)sizeof(head) ||
	    squash_stat(squash, squash_root(squash), &root))
		return direct_fail(image, "/", EIO, err);
	if (!options->compressor &&
	    le16toh(head.compression) < sizeof(compressors) / sizeof(compressors[0])) {
		options->compressor = compressors[le16toh(head.compression)];
		if (!options->level)
			options->level = read_level(image, &head);
	}
	if (!options->block_size)
		options->block_size = squash_block_size(squash);
	add_flags(&head, more);
	options->more = more;
	options->keep_owners = true;
	options->root_mode = root.st_mode & 07777;
	/* With 0 it would be the time of writing. */
	options->newest = repack->order->newest > 0 ? repack->order->newest : 1;
	return 0;
}

/* ---- entries ------------------------------------------------------------- */

static int fail(const struct writing *writing, const struct order_entry *from, int errnum,
		struct error *err)
{
	return direct_fail(writing->repack->image, from->path, errnum, err);
}

static int add_xattrs(const struct writing *writing, const struct order_entry *from,
		      struct error *err)
{
	size_t len = 0, size;
	int error;

	if (!squash_has_xattrs(writing->squash))
		return 0;
	error = squash_listxattr_all(writing->squash, from->inode, writing->list, XATTR_LIST_MAX,
				     &len);
	for (const char *name = writing->list; !error && name < writing->list + len;
	     name += strlen(name) + 1) {
		error = squash_getxattr(writing->squash, from->inode, name, writing->value,
					XATTR_SIZE_MAX, &size);
		if (!error)
			archive_entry_xattr_add_entry(writing->entry, name, writing->value, size);
	}
	return error ? fail(writing, from, error, err) : 0;
}

/* Names what is no hole, where there is a hole. */
static int add_pieces(const struct writing *writing, const struct order_entry *from, off_t size,
		      struct error *err)
{
	off_t at = 0, hole = 0, data = 0;
	int error = size > 0 ? direct_stretch(writing->repack->direct, from->inode, 0, &hole, &data)
			     : 0;

	if (error)
		return fail(writing, from, error, err);
	if (hole == 0 && data == size)
		return 0;
	while (at < size) {
		error = direct_stretch(writing->repack->direct, from->inode, at, &hole, &data);
		if (error || hole + data == 0)
			break;
		if (data > 0)
			archive_entry_sparse_add_entry(writing->entry, at + hole, data);
		at += hole + data;
	}
	/* The length counts even where nothing else is in it. */
	if (data == 0 && size > 0)
		archive_entry_sparse_add_entry(writing->entry, size, 0);
	return error ? fail(writing, from, error, err) : 0;
}

static int put_zeros(const struct writing *writing, size_t size, struct error *err)
{
	static const char zeros[1 << 20];

	while (size > 0) {
		size_t n = size < sizeof(zeros) ? size : sizeof(zeros);

		if (pack_data(writing->pack, zeros, n, err) < 0)
			return -1;
		size -= n;
	}
	return 0;
}

static int put_extent(const struct writing *writing, const struct order_entry *from,
		      const struct squash_extent *extent, struct error *err)
{
	struct blocks *blocks = writing->repack->direct->blocks;
	const struct block *block;
	int result, error;

	if (extent->hole)
		return put_zeros(writing, extent->size, err);
	error = squash_get_block(writing->squash, blocks, extent, &block);
	if (error)
		return fail(writing, from, error, err);
	result = pack_data(writing->pack, block->data + extent->offset, extent->size, err);
	blocks_put(blocks, block);
	return result;
}

static int put_bytes(const struct writing *writing, const struct order_entry *from,
		     struct error *err)
{
	struct squash_extent extents[EXTENTS_MAX];
	size_t count = 1;
	off_t at = 0;

	while (count > 0) {
		int error = squash_locate(writing->squash, from->inode, at, SIZE_MAX, extents,
					  EXTENTS_MAX, &count);

		if (error)
			return fail(writing, from, error, err);
		for (size_t i = 0; i < count; i++) {
			if (put_extent(writing, from, &extents[i], err) < 0)
				return -1;
			at += (off_t)extents[i].size;
		}
	}
	return 0;
}

static void set_stat(struct archive_entry *entry, const struct stat *st)
{
	archive_entry_set_mode(entry, st->st_mode);
	archive_entry_set_uid(entry, st->st_uid);
	archive_entry_set_gid(entry, st->st_gid);
	archive_entry_set_mtime(entry, st->st_mtime, 0);
	archive_entry_set_size(entry, S_ISREG(st->st_mode) ? st->st_size : 0);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		archive_entry_set_rdevmajor(entry, major(st->st_rdev));
		archive_entry_set_rdevminor(entry, minor(st->st_rdev));
	}
}

static int put_entry(const struct writing *writing, const struct order_entry *from,
		     struct error *err)
{
	struct archive_entry *entry = writing->entry;
	bool is_file = S_ISREG(from->type) && !from->first;
	cleanup_free char *target = NULL;
	struct stat st;
	int error = squash_stat_owned(writing->squash, from->inode, &st);

	if (!error && S_ISLNK(from->type))
		error = squash_readlink(writing->squash, from->inode, &target);
	if (error)
		return fail(writing, from, error, err);
	archive_entry_clear(entry);
	archive_entry_set_pathname(entry, from->path + 1);
	set_stat(entry, &st);
	if (from->first)
		archive_entry_set_hardlink(entry, from->first + 1);
	else if (target)
		archive_entry_set_symlink(entry, target);
	if (from->first)
		archive_entry_set_size(entry, 0);
	else if (add_xattrs(writing, from, err) < 0 ||
		 (is_file && add_pieces(writing, from, st.st_size, err) < 0))
		return -1;
	if (pack_entry(writing->pack, entry, err) < 0)
		return -1;
	return is_file ? put_bytes(writing, from, err) : 0;
}

static int put_all(const struct writing *writing, size_t *sockets, struct error *err)
{
	const struct order *order = writing->repack->order;

	for (size_t i = 0; i < order->count; i++) {
		const struct order_entry *from = &order->entries[i];

		if (S_ISSOCK(from->type))
			++*sockets;
		else if (from->path[1] && put_entry(writing, from, err) < 0)
			return -1;
	}
	return 0;
}

int repack_entries(struct repack *repack, struct pack *pack, struct error *err)
{
	struct writing writing = { .repack = repack,
				   .squash = repack->direct->squash,
				   .pack = pack,
				   .entry = archive_entry_new(),
				   .list = malloc(XATTR_LIST_MAX),
				   .value = malloc(XATTR_SIZE_MAX) };
	int result;

	repack->sockets = 0;
	if (!writing.entry || !writing.list || !writing.value)
		result = error_set(err, ENOMEM, "cannot read image '%s'", repack->image->path);
	else
		result = put_all(&writing, &repack->sockets, err);
	archive_entry_free(writing.entry);
	free(writing.list);
	free(writing.value);
	return result;
}
