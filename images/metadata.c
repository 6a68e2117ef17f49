/* SPDX-License-Identifier: BSD-3-Clause */
/* metadata.c - see metadata.h. */
#include "images/metadata.h"

#include <endian.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/codec.h"
#include "images/read.h"

#define SLOTS_MIN 64
#define SLOTS_MAX (2 * METADATA_BLOCKS_MAX)
#define FIRST     96      /* no block begins in the superblock */
#define PLAIN     0x8000u /* in the head of a block: it is not compressed */
#define HEAD_SIZE 2

struct metadata {
	int fd;
	off_t offset;
	uint64_t size;
	struct codec *codec;
	size_t slot_count; /* a power of two */
	atomic_size_t count;
	/* Whoever is looked for comes before the first free slot behind its own, or is not there. */
	_Atomic(struct metadata_block *) slots[];
};

/* Nearly all blocks of metadata have more than 1 KiB. */
static size_t count_slots(uint64_t size)
{
	size_t count = SLOTS_MIN;

	while (count < SLOTS_MAX && count < size / 512)
		count *= 2;
	return count;
}

struct metadata *metadata_new(int fd, off_t offset, uint64_t size, struct codec *codec)
{
	size_t slots = count_slots(size);
	struct metadata *metadata =
		calloc(1, sizeof(*metadata) + slots * sizeof(metadata->slots[0]));

	if (!metadata)
		return NULL;
	metadata->slot_count = slots;
	metadata->fd = fd;
	metadata->offset = offset;
	metadata->size = size;
	metadata->codec = codec;
	return metadata;
}

void metadata_free(struct metadata *metadata)
{
	if (!metadata)
		return;
	for (size_t i = 0; i < metadata->slot_count; i++)
		free(atomic_load_explicit(&metadata->slots[i], memory_order_relaxed));
	free(metadata);
}

/* Up to `size` bytes, as many as there are. Returns their number, or -1. */
static ssize_t read_some(const struct metadata *metadata, uint64_t position, void *buf, size_t size)
{
	size_t got = 0;

	if (position > metadata->size)
		return -1;
	if (size > metadata->size - position)
		size = (size_t)(metadata->size - position);
	while (got < size) {
		ssize_t n = image_read(metadata->fd, (char *)buf + got, size - got,
				       metadata->offset + (off_t)(position + got));

		if (n < 0 && errno == EINTR)
			continue;
		/* Not all of it may be wanted. */
		if (n < 0 && got == 0)
			return -1;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int metadata_read_raw(const struct metadata *metadata, uint64_t position, void *buf, size_t size)
{
	return read_some(metadata, position, buf, size) == (ssize_t)size ? 0 : EIO;
}

/* Reads head and content at once: more than enough is as cheap as enough. */
static int load(const struct metadata *metadata, uint64_t position, struct metadata_block *block)
{
	unsigned char stored[HEAD_SIZE + METADATA_SIZE];
	ssize_t got = read_some(metadata, position, stored, sizeof(stored));
	size_t size;
	uint16_t head;

	if (got < HEAD_SIZE)
		return EIO;
	memcpy(&head, stored, sizeof(head));
	head = le16toh(head);
	size = head & ~PLAIN;
	if (size == 0 || size > (size_t)got - HEAD_SIZE)
		return EIO;
	block->position = position;
	block->next = position + HEAD_SIZE + size;
	block->size = sizeof(block->data);
	if (!(head & PLAIN))
		return codec_decompress(metadata->codec, stored + HEAD_SIZE, size, block->data,
					&block->size);
	memcpy(block->data, stored + HEAD_SIZE, size);
	block->size = size;
	return 0;
}

static size_t slot_of(const struct metadata *metadata, uint64_t position)
{
	return (size_t)((position * 0x9e3779b97f4a7c15u) >> 32) % metadata->slot_count;
}

static size_t slot_after(const struct metadata *metadata, size_t slot)
{
	return (slot + 1) % metadata->slot_count;
}

/* The block at `position`, or NULL and the slot where it would be. */
static struct metadata_block *find(struct metadata *metadata, uint64_t position, size_t *slot)
{
	for (*slot = slot_of(metadata, position);; *slot = slot_after(metadata, *slot)) {
		struct metadata_block *block =
			atomic_load_explicit(&metadata->slots[*slot], memory_order_acquire);

		if (!block || block->position == position)
			return block;
	}
}

/* Returns what is kept in the end: `block`, or what somebody else has put there meanwhile. */
static struct metadata_block *keep(struct metadata *metadata, struct metadata_block *block,
				   size_t slot)
{
	struct metadata_block *other = NULL;

	while (!atomic_compare_exchange_strong(&metadata->slots[slot], &other, block)) {
		if (other->position == block->position) {
			atomic_fetch_sub(&metadata->count, 1);
			free(block);
			return other;
		}
		other = NULL;
		slot = slot_after(metadata, slot);
	}
	return block;
}

static int get(struct cursor *cursor)
{
	struct metadata *metadata = cursor->metadata;
	struct metadata_block *block, *kept = NULL;
	size_t slot;
	int error;

	if (cursor->position < FIRST || cursor->position >= cursor->end)
		return EIO;
	cursor->block = find(metadata, cursor->position, &slot);
	if (cursor->block)
		return 0;
	/* Half of the slots stay free, so a search ends. */
	if (atomic_fetch_add(&metadata->count, 1) < metadata->slot_count / 2)
		kept = malloc(sizeof(*kept));
	if (!kept)
		atomic_fetch_sub(&metadata->count, 1);
	block = kept ? kept : &cursor->own;
	error = load(metadata, cursor->position, block);
	if (error && kept) {
		atomic_fetch_sub(&metadata->count, 1);
		free(kept);
	}
	if (error)
		return error;
	cursor->block = kept ? keep(metadata, kept, slot) : block;
	return 0;
}

void cursor_set(struct cursor *cursor, struct metadata *metadata, uint64_t position, size_t offset,
		uint64_t end)
{
	cursor->metadata = metadata;
	cursor->end = end;
	cursor->block = NULL;
	cursor_move(cursor, position, offset);
}

void cursor_move(struct cursor *cursor, uint64_t position, size_t offset)
{
	if (cursor->block && cursor->block->position != position)
		cursor->block = NULL;
	cursor->position = position;
	cursor->offset = offset;
}

int cursor_read(struct cursor *cursor, void *buf, size_t size)
{
	char *to = buf;

	while (size > 0) {
		size_t n;
		int error = cursor->block ? 0 : get(cursor);

		if (error)
			return error;
		if (cursor->offset > cursor->block->size)
			return EIO;
		n = cursor->block->size - cursor->offset;
		if (n == 0) {
			cursor_move(cursor, cursor->block->next, 0);
			continue;
		}
		n = n < size ? n : size;
		if (to) {
			memcpy(to, cursor->block->data + cursor->offset, n);
			to += n;
		}
		cursor->offset += n;
		size -= n;
	}
	return 0;
}

int table_open(struct table *table, const struct metadata *metadata, uint64_t start, size_t count,
	       size_t each)
{
	size_t blocks = (count * each + METADATA_SIZE - 1) / METADATA_SIZE;

	table->count = 0;
	table->each = each;
	table->blocks = calloc(blocks + 1, sizeof(*table->blocks));
	if (!table->blocks)
		return ENOMEM;
	if (metadata_read_raw(metadata, start, table->blocks, blocks * sizeof(*table->blocks))) {
		table_close(table);
		return EIO;
	}
	table->count = count;
	return 0;
}

void table_close(struct table *table)
{
	free(table->blocks);
	table->blocks = NULL;
}

int table_get(const struct table *table, struct metadata *metadata, size_t index, void *element)
{
	size_t at = index * table->each;
	struct cursor cursor;

	if (index >= table->count)
		return EIO;
	cursor_set(&cursor, metadata, le64toh(table->blocks[at / METADATA_SIZE]),
		   at % METADATA_SIZE, metadata->size);
	return cursor_read(&cursor, element, table->each);
}
