/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blocks.c - see blocks.h.
 *
 * One lock guards the table and is never held while a block is decompressed. There are always more
 * slots than the threads hold together, so a free one can always be found. All blocks lie in one
 * piece of memory that is never given back: fresh pages for each would cost a good part of what
 * decompressing costs.
 */
#include "images/blocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

struct slot {
	struct block block; /* first: blocks_put() gets its address */
	char *memory;       /* what `block` points to */
	uint64_t position;
	uint64_t used;      /* when it was last asked for */
	unsigned int users; /* threads that hold it, or fill it or wait for that */
	bool valid;
	bool filling;
};

struct blocks {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	uint64_t clock;
	char *memory;
	size_t size; /* bytes of a block at most */
	size_t count;
	struct slot slots[];
};

struct blocks *blocks_new(size_t count, size_t size)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks) + count * sizeof(blocks->slots[0]));

	if (!blocks)
		return NULL;
	blocks->memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (blocks->memory == MAP_FAILED) {
		free(blocks);
		return NULL;
	}
	/* A page fault for each 4 KiB would be a tenth of the work. */
	(void)madvise(blocks->memory, count * size, MADV_HUGEPAGE);
	for (size_t i = 0; i < count; i++)
		blocks->slots[i].memory = blocks->memory + i * size;
	blocks->size = size;
	pthread_mutex_init(&blocks->lock, NULL);
	pthread_cond_init(&blocks->filled, NULL);
	blocks->count = count;
	return blocks;
}

void blocks_free(struct blocks *blocks)
{
	if (!blocks)
		return;
	munmap(blocks->memory, blocks->count * blocks->size);
	pthread_cond_destroy(&blocks->filled);
	pthread_mutex_destroy(&blocks->lock);
	free(blocks);
}

static struct slot *find(struct blocks *blocks, uint64_t position)
{
	for (size_t i = 0; i < blocks->count; i++) {
		struct slot *slot = &blocks->slots[i];

		if ((slot->valid || slot->filling) && slot->position == position)
			return slot;
	}
	return NULL;
}

static struct slot *evict(struct blocks *blocks)
{
	struct slot *oldest = NULL;

	for (size_t i = 0; i < blocks->count; i++) {
		struct slot *slot = &blocks->slots[i];

		if (slot->users == 0 && (!oldest || slot->used < oldest->used))
			oldest = slot;
	}
	return oldest;
}

/* Called and returns with the lock held. */
static int fill_slot(struct blocks *blocks, struct slot *slot, uint64_t position,
		     int (*fill)(void *context, void *data, size_t *size), void *context)
{
	size_t size = blocks->size;
	int error;

	slot->valid = false;
	slot->filling = true;
	slot->position = position;
	pthread_mutex_unlock(&blocks->lock);
	error = fill(context, slot->memory, &size);
	pthread_mutex_lock(&blocks->lock);
	slot->block.data = slot->memory;
	slot->block.size = size;
	slot->filling = false;
	slot->valid = !error;
	pthread_cond_broadcast(&blocks->filled);
	return error;
}

int blocks_get(struct blocks *blocks, uint64_t position,
	       int (*fill)(void *context, void *data, size_t *size), void *context,
	       const struct block **block)
{
	struct slot *slot;
	int error = 0;

	pthread_mutex_lock(&blocks->lock);
	slot = find(blocks, position);
	if (slot) {
		slot->users++;
		while (slot->filling)
			pthread_cond_wait(&blocks->filled, &blocks->lock);
		error = slot->valid ? 0 : EIO;
	} else {
		slot = evict(blocks);
		if (slot) {
			slot->users++;
			error = fill_slot(blocks, slot, position, fill, context);
		} else {
			error = EBUSY;
		}
	}
	if (slot) {
		slot->used = ++blocks->clock;
		if (error)
			slot->users--;
		*block = &slot->block;
	}
	pthread_mutex_unlock(&blocks->lock);
	return error;
}

void blocks_put(struct blocks *blocks, const struct block *block)
{
	struct slot *slot = (struct slot *)(uintptr_t)block;

	pthread_mutex_lock(&blocks->lock);
	slot->users--;
	pthread_mutex_unlock(&blocks->lock);
}
