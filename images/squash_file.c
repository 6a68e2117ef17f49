/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_file.c - what is in files: see squash.h.
 *
 * Where a file's blocks are follows from how long each of them is, as a list in its inode says; so to
 * find one in a large file takes a walk along the list. Readers remember places on the way.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/read.h"

#define STRIDE_MIN 2048 /* blocks between two places, which make one block of metadata */

/* Where the tail of a file is, among other tails in a block of their own. */
static int locate_fragment(struct squash *squash, const sqfs_inode *inode, size_t within,
			   struct squash_extent *extent)
{
	struct squashfs_fragment_entry entry;

	if (bounds_get(squash, &squash->fs.frag_table, squash->fs.sb.fragments,
		       inode->xtra.reg.frag_idx, &entry))
		return EIO;
	extent->position = le64toh(entry.start_block);
	extent->header = le32toh(entry.size);
	extent->offset = inode->xtra.reg.frag_off + within;
	return 0;
}

/* The next one of a file's list of blocks. */
static int locate_block(struct squash *squash, sqfs_blocklist *list, size_t within,
			struct squash_extent *extent)
{
	if (bounds_check(squash, &list->cur) || sqfs_blocklist_next(list) != SQFS_OK)
		return EIO;
	extent->position = list->block;
	extent->header = list->header;
	extent->hole = list->input_size == 0;
	extent->offset = within;
	return 0;
}

static struct file_map *add_map(struct squash *squash, uint64_t number, size_t stride)
{
	struct file_map *map = &squash->maps[squash->next_map++ % FILE_MAPS];

	free(map->marks);
	*map = (struct file_map){ .inode = number,
				  .stride = stride,
				  .marks = calloc(FILE_MARKS_MAX, sizeof(*map->marks)) };
	return map->marks ? map : NULL;
}

/* NULL for a file that is read soon enough without one, or without memory for it. */
static struct file_map *get_map(struct squash *squash, uint64_t number, size_t blocks)
{
	size_t stride = blocks / FILE_MARKS_MAX + 1;

	if (blocks < STRIDE_MIN)
		return NULL;
	for (size_t i = 0; i < FILE_MAPS; i++)
		if (squash->maps[i].marks && squash->maps[i].inode == number)
			return &squash->maps[i];
	return add_map(squash, number, stride < STRIDE_MIN ? STRIDE_MIN : stride);
}

void file_maps_done(struct squash *squash)
{
	for (size_t i = 0; i < FILE_MAPS; i++)
		free(squash->maps[i].marks);
}

/* Walks along a file's list of blocks until the next one is block `target`, from the nearest mark on,
 * and leaves marks. */
static int walk_to(struct squash *squash, uint64_t number, sqfs_inode *inode, size_t target,
		   sqfs_blocklist *list)
{
	size_t blocks = sqfs_blocklist_count(&squash->fs, inode), done = 0;
	struct file_map *map = get_map(squash, number, blocks);

	sqfs_blocklist_init(&squash->fs, inode, list);
	if (map && map->count > 0 && target >= map->stride) {
		size_t mark = target / map->stride;

		mark = mark < map->count ? mark : map->count;
		*list = map->marks[mark - 1];
		done = mark * map->stride;
	}
	for (; done < target; done++) {
		if (map && done == (map->count + 1) * map->stride && map->count < FILE_MARKS_MAX)
			map->marks[map->count++] = *list;
		if (bounds_check(squash, &list->cur) || sqfs_blocklist_next(list) != SQFS_OK)
			return EIO;
	}
	return 0;
}

int squash_locate(struct squash *squash, uint64_t number, off_t offset, size_t size,
		  struct squash_extent *extents, size_t max, size_t *count)
{
	size_t block_size = squash->fs.sb.block_size;
	sqfs_blocklist list;
	sqfs_inode inode;
	uint64_t end, in_blocks;

	if (bounds_get_inode(squash, number, &inode))
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
	if ((uint64_t)offset / block_size < in_blocks &&
	    walk_to(squash, number, &inode, (size_t)((uint64_t)offset / block_size), &list))
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
			error = locate_block(squash, &list, within, extent);
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
	uint64_t end = squash->fs.sb.bytes_used;
	off_t at = (off_t)(position + squash->fs.offset);
	size_t got = 0;

	if (position > end || size > end - position)
		return EIO;
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
