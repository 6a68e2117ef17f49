/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blocks.c - see blocks.h.
 *
 * One lock guards the table and is never held while a block is decompressed. There are always more
 * slots than threads, and a thread holds at most one, so a free one can always be found.
 */
#include "images/blocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct slot {
	struct block block; /* first: blocks_put() gets its address */
	void *memory;       /* what `block` points to */
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
	size_t count;
	struct slot slots[];
};

struct blocks *blocks_new(size_t count)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks) + count * sizeof(blocks->slots[0]));

	if (!blocks)
		return NULL;
	pthread_mutex_init(&blocks->lock, NULL);
	pthread_cond_init(&blocks->filled, NULL);
	blocks->count = count;
	return blocks;
}

void blocks_free(struct blocks *blocks)
{
	if (!blocks)
		return;
	for (size_t i = 0; i < blocks->count; i++)
		free(blocks->slots[i].memory);
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
		     int (*fill)(void *context, void **data, size_t *size), void *context)
{
	void *data = NULL;
	size_t size = 0;
	int error;

	slot->valid = false;
	slot->filling = true;
	slot->position = position;
	pthread_mutex_unlock(&blocks->lock);
	free(slot->memory);
	error = fill(context, &data, &size);
	pthread_mutex_lock(&blocks->lock);
	slot->memory = error ? NULL : data;
	slot->block.data = slot->memory;
	slot->block.size = size;
	slot->filling = false;
	slot->valid = !error;
	pthread_cond_broadcast(&blocks->filled);
	return error;
}

int blocks_get(struct blocks *blocks, uint64_t position,
	       int (*fill)(void *context, void **data, size_t *size), void *context,
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
