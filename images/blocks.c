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
#include <sys/queue.h>

#include "images/stats.h"

struct slot {
	struct block block; /* first: blocks_put() gets its address */
	char *memory;       /* what `block` points to */
	uint64_t position;
	unsigned int users; /* threads that hold it, or fill it or wait for that */
	bool named;         /* `position` means something: it is, or will be, the block there */
	bool filling;
	int error; /* that of the last filling */
	TAILQ_ENTRY(slot) by_use;
	SLIST_ENTRY(slot) by_position; /* while it is named */
};

SLIST_HEAD(bucket, slot);

struct blocks {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	TAILQ_HEAD(, slot) by_use; /* least recently used first */
	char *memory;
	size_t size; /* bytes of a block at most */
	size_t count;
	struct bucket *buckets; /* as many as slots */
	struct slot slots[];
};

static bool reserve(struct blocks *blocks, size_t count, size_t size)
{
	blocks->buckets = calloc(count, sizeof(*blocks->buckets));
	if (!blocks->buckets)
		return false;
	blocks->memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (blocks->memory == MAP_FAILED)
		return false;
	/* A page fault for each 4 KiB would be a tenth of the work. */
	(void)madvise(blocks->memory, count * size, MADV_HUGEPAGE);
	return true;
}

struct blocks *blocks_new(size_t count, size_t size)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks) + count * sizeof(blocks->slots[0]));

	if (!blocks)
		return NULL;
	if (!reserve(blocks, count, size)) {
		free(blocks->buckets);
		free(blocks);
		return NULL;
	}
	TAILQ_INIT(&blocks->by_use);
	for (size_t i = 0; i < count; i++) {
		blocks->slots[i].memory = blocks->memory + i * size;
		TAILQ_INSERT_TAIL(&blocks->by_use, &blocks->slots[i], by_use);
	}
	blocks->size = size;
	blocks->count = count;
	pthread_mutex_init(&blocks->lock, NULL);
	pthread_cond_init(&blocks->filled, NULL);
	return blocks;
}

void blocks_free(struct blocks *blocks)
{
	if (!blocks)
		return;
	munmap(blocks->memory, blocks->count * blocks->size);
	pthread_cond_destroy(&blocks->filled);
	pthread_mutex_destroy(&blocks->lock);
	free(blocks->buckets);
	free(blocks);
}

static struct bucket *bucket_of(struct blocks *blocks, uint64_t position)
{
	return &blocks->buckets[(position * 0x9e3779b97f4a7c15u >> 32) % blocks->count];
}

static struct slot *find(struct blocks *blocks, uint64_t position)
{
	struct slot *slot;

	SLIST_FOREACH(slot, bucket_of(blocks, position), by_position)
	if (slot->position == position)
		return slot;
	return NULL;
}

static void forget(struct blocks *blocks, struct slot *slot)
{
	SLIST_REMOVE(bucket_of(blocks, slot->position), slot, slot, by_position);
	slot->named = false;
}

/* A slot for the block at `position`; NULL where all are held. */
static struct slot *evict(struct blocks *blocks, uint64_t position)
{
	struct slot *slot;

	TAILQ_FOREACH(slot, &blocks->by_use, by_use)
	if (slot->users == 0)
		break;
	if (!slot)
		return NULL;
	if (slot->named)
		forget(blocks, slot);
	slot->position = position;
	slot->named = true;
	SLIST_INSERT_HEAD(bucket_of(blocks, position), slot, by_position);
	return slot;
}

/* Called and returns with the lock held. */
static void fill_slot(struct blocks *blocks, struct slot *slot,
		      int (*fill)(void *context, void *data, size_t *size), void *context)
{
	size_t size = blocks->size;
	int error;

	slot->filling = true;
	pthread_mutex_unlock(&blocks->lock);
	error = fill(context, slot->memory, &size);
	pthread_mutex_lock(&blocks->lock);
	slot->block.data = slot->memory;
	slot->block.size = size;
	slot->filling = false;
	slot->error = error;
	/* Who comes later tries again. */
	if (error)
		forget(blocks, slot);
	pthread_cond_broadcast(&blocks->filled);
}

int blocks_get(struct blocks *blocks, uint64_t position,
	       int (*fill)(void *context, void *data, size_t *size), void *context,
	       const struct block **block)
{
	struct slot *slot;
	int error = EBUSY;

	pthread_mutex_lock(&blocks->lock);
	slot = find(blocks, position);
	stats_add(slot ? STAT_HITS : STAT_MISSES, 1);
	if (slot) {
		slot->users++;
		while (slot->filling)
			pthread_cond_wait(&blocks->filled, &blocks->lock);
	} else if ((slot = evict(blocks, position))) {
		slot->users++;
		fill_slot(blocks, slot, fill, context);
	}
	if (slot) {
		TAILQ_REMOVE(&blocks->by_use, slot, by_use);
		TAILQ_INSERT_TAIL(&blocks->by_use, slot, by_use);
		error = slot->error;
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
