/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_file.c - what is in files: see squash.h.
 *
 * Where a file's blocks are follows from how long each of them is, as a list behind its inode says; so
 * to find one in a large file takes a walk along the list. Places on the way are remembered.
 */
#include "images/squash_inner.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "common/fd.h"
#include "images/codec.h"

#define FILE_MARKS_MAX 1024       /* places in the list of a file */
#define STRIDE_MIN     2048       /* blocks between two places, which make one block of metadata */
#define STRETCH        256        /* of the list, read at once */
#define SEEK_MAX       (1u << 20) /* blocks that are looked at for one that is a hole, or none */

struct file_mark {
	uint64_t position; /* in the image: of the block of metadata, */
	size_t offset;     /* in which the list goes on here, */
	uint64_t block;    /* and of the next block of the file */
};

/* The list of a file's blocks, at one of them. */
struct block_list {
	struct cursor at;
	uint64_t block; /* position of the next one */
	uint64_t count; /* of them all */
};

/* The lower bits of a block's header; one more says that it is not compressed. */
static uint32_t stored_size(uint32_t header)
{
	return header & ~(uint32_t)SQUASHFS_COMPRESSED_BIT_BLOCK;
}

static bool has_fragment(const struct inode *inode)
{
	return inode->file.fragment != SQUASHFS_INVALID_FRAG;
}

int squash_fragment(const struct squash *squash, uint32_t index, struct squash_extent *extent)
{
	struct squashfs_fragment_entry entry;

	if (table_get(&squash->fragments, squash->metadata, index, &entry))
		return EIO;
	*extent = (struct squash_extent){ .position = le64toh(entry.start_block),
					  .header = le32toh(entry.size),
					  .size = 1,
					  .fragment = index };
	return 0;
}

/* The next one of a file's list of blocks. */
static int locate_block(struct block_list *list, struct squash_extent *extent)
{
	uint32_t header;

	if (cursor_read(&list->at, &header, sizeof(header)))
		return EIO;
	*extent = (struct squash_extent){ .position = list->block,
					  .header = le32toh(header),
					  .fragment = SQUASH_NO_FRAGMENT };
	extent->hole = stored_size(extent->header) == 0;
	list->block += stored_size(extent->header);
	return 0;
}

void file_maps_done(struct squash *squash)
{
	for (size_t i = 0; i < FILE_MAPS; i++)
		free(squash->maps[i].marks);
}

/* Called with the lock held. NULL without memory for it. */
static struct file_map *get_map(struct squash *squash, uint64_t number)
{
	struct file_map *map = NULL;

	for (size_t i = 0; i < FILE_MAPS; i++)
		if (squash->maps[i].marks && squash->maps[i].inode == number)
			return &squash->maps[i];
	map = &squash->maps[squash->next_map++ % FILE_MAPS];
	free(map->marks);
	*map = (struct file_map){ .inode = number,
				  .marks = calloc(FILE_MARKS_MAX, sizeof(*map->marks)) };
	return map->marks ? map : NULL;
}

/* Moves the list on to the last mark before `target`, and returns which block that is. */
static uint64_t go_to_mark(struct squash *squash, uint64_t number, uint64_t target, size_t stride,
			   struct block_list *list)
{
	uint64_t done = 0;
	struct file_map *map;

	pthread_mutex_lock(&squash->lock);
	map = get_map(squash, number);
	if (map && map->count > 0 && target >= stride) {
		size_t mark = target / stride < map->count ? (size_t)(target / stride) : map->count;
		const struct file_mark *at = &map->marks[mark - 1];

		cursor_move(&list->at, at->position, at->offset);
		list->block = at->block;
		done = mark * stride;
	}
	pthread_mutex_unlock(&squash->lock);
	return done;
}

static void leave_mark(struct squash *squash, uint64_t number, uint64_t done, size_t stride,
		       const struct block_list *list)
{
	struct file_map *map;

	pthread_mutex_lock(&squash->lock);
	map = get_map(squash, number);
	if (map && map->count < FILE_MARKS_MAX && done == (map->count + 1) * stride)
		map->marks[map->count++] = (struct file_mark){ .position = list->at.position,
							       .offset = list->at.offset,
							       .block = list->block };
	pthread_mutex_unlock(&squash->lock);
}

/* Walks along the list until the next block is `target`, from the nearest mark on, and leaves marks. */
static int walk_to(struct squash *squash, uint64_t number, uint64_t target, struct block_list *list)
{
	size_t stride = (size_t)(list->count / FILE_MARKS_MAX + 1);
	bool is_long = list->count >= STRIDE_MIN;
	uint64_t done;

	stride = stride < STRIDE_MIN ? STRIDE_MIN : stride;
	done = is_long ? go_to_mark(squash, number, target, stride, list) : 0;
	while (done < target) {
		uint32_t headers[STRETCH];
		uint64_t left = target - done, to_mark = stride - done % stride;
		size_t n = (size_t)(left < STRETCH ? left : STRETCH);

		n = n < to_mark ? n : (size_t)to_mark;
		if (cursor_read(&list->at, headers, n * sizeof(headers[0])))
			return EIO;
		for (size_t i = 0; i < n; i++)
			list->block += stored_size(le32toh(headers[i]));
		done += n;
		if (is_long && done % stride == 0)
			leave_mark(squash, number, done, stride, list);
	}
	return 0;
}

/* A last block that is not full is one of the list only where it is no fragment. */
static uint64_t count_blocks(const struct squash *squash, const struct inode *inode)
{
	uint64_t count = inode->size / squash->block_size;

	if (!has_fragment(inode) && inode->size % squash->block_size > 0)
		count++;
	return count;
}

static int locate(const struct squash *squash, const struct inode *inode, struct block_list *list,
		  uint64_t offset, size_t size, struct squash_extent *extents, size_t max,
		  size_t *count)
{
	while (size > 0 && *count < max) {
		struct squash_extent *extent = &extents[(*count)++];
		size_t within = (size_t)(offset % squash->block_size);
		bool is_tail = offset / squash->block_size >= list->count;
		int error = is_tail ? squash_fragment(squash, inode->file.fragment, extent)
				    : locate_block(list, extent);

		if (error)
			return error;
		extent->offset = within + (is_tail ? inode->file.fragment_offset : 0);
		extent->size = squash->block_size - within;
		if (extent->size > size)
			extent->size = size;
		offset += extent->size;
		size -= extent->size;
	}
	return 0;
}

int squash_locate(struct squash *squash, uint64_t number, off_t offset, size_t size,
		  struct squash_extent *extents, size_t max, size_t *count)
{
	struct block_list list;
	struct inode inode;
	uint64_t first = (uint64_t)offset / squash->block_size;

	if (inode_read(squash, number, &inode, &list.at))
		return EIO;
	if (!S_ISREG(inode.mode) || offset < 0)
		return EINVAL;
	*count = 0;
	if ((uint64_t)offset >= inode.size)
		return 0;
	if (size > inode.size - (uint64_t)offset)
		size = (size_t)(inode.size - (uint64_t)offset);
	list.block = inode.file.start;
	list.count = count_blocks(squash, &inode);
	if (first < list.count && walk_to(squash, number, first, &list))
		return EIO;
	return locate(squash, &inode, &list, (uint64_t)offset, size, extents, max, count);
}

/* From block *at of the list on, which the list is at. Returns 0 or EIO. */
static int seek_block(struct block_list *list, bool to_hole, uint64_t *at)
{
	struct squash_extent extent;

	for (uint64_t end = *at + SEEK_MAX; *at < list->count && *at < end; ++*at) {
		if (locate_block(list, &extent))
			return EIO;
		if (extent.hole == to_hole)
			break;
	}
	return 0;
}

int squash_seek(struct squash *squash, uint64_t number, bool to_hole, off_t *offset)
{
	uint64_t first = (uint64_t)*offset / squash->block_size, at = first;
	struct block_list list;
	struct inode inode;
	bool is_hole;

	if (inode_read(squash, number, &inode, &list.at))
		return EIO;
	if (!S_ISREG(inode.mode))
		return EINVAL;
	if (*offset < 0 || (uint64_t)*offset >= inode.size)
		return ENXIO;
	list.block = inode.file.start;
	list.count = count_blocks(squash, &inode);
	if (at < list.count &&
	    (walk_to(squash, number, at, &list) || seek_block(&list, to_hole, &at)))
		return EIO;
	/* At the end of the list a tail may follow, which is none. */
	is_hole = to_hole && at < list.count && at < first + SEEK_MAX;
	if (at > first)
		*offset = (off_t)(at * squash->block_size);
	if (to_hole && !is_hole)
		*offset = (off_t)inode.size;
	return !to_hole && (uint64_t)*offset >= inode.size ? ENXIO : 0;
}

struct source {
	const struct squash *squash;
	const struct squash_extent *extent;
};

/* A block as it is stored is no bigger than a block; the decompressor keeps to the room it has. */
static int decompress(void *context, void *data, size_t *size)
{
	const struct source *source = context;
	const struct squash *squash = source->squash;
	const struct squash_extent *extent = source->extent;
	size_t stored = stored_size(extent->header);
	cleanup_free void *buf = NULL;
	int error;

	if (stored == 0 || stored > *size)
		return EIO;
	if (extent->header & SQUASHFS_COMPRESSED_BIT_BLOCK) {
		*size = stored;
		return metadata_read_raw(squash->metadata, extent->position, data, stored);
	}
	buf = malloc(stored);
	if (!buf)
		return ENOMEM;
	error = metadata_read_raw(squash->metadata, extent->position, buf, stored);
	return error ? error : codec_decompress(squash->codec, buf, stored, data, size);
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

int squash_fetch_block(const struct squash *squash, struct blocks *cache,
		       const struct squash_extent *extent)
{
	const struct block *block;
	int error = extent->hole ? 0 : squash_get_block(squash, cache, extent, &block);

	if (!error && !extent->hole)
		blocks_put(cache, block);
	return error;
}
