/* SPDX-License-Identifier: BSD-3-Clause */
/* store.c - see store.h. */
#include "images/store.h"

#include <limits.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "images/cpus.h"
#include "images/stats.h"

#define PIECES STORE_BLOCKS_MAX /* that wait, or the first of which is being written */

struct piece {
	uint64_t node;
	off_t offset;
	const struct block *block;
	size_t at, size;
};

struct store {
	struct blocks *blocks;
	int channel, spare;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct piece pieces[PIECES];
	size_t first, count;
	pthread_t thread;
	bool is_started, is_unusable, is_over;
};

struct store *store_new(struct blocks *blocks, int channel, int spare)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->blocks = blocks;
	store->channel = channel;
	store->spare = spare;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->more, NULL);
	return store;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->is_over = true;
	pthread_cond_signal(&store->more);
	pthread_mutex_unlock(&store->lock);
	if (store->is_started)
		pthread_join(store->thread, NULL);
	pthread_cond_destroy(&store->more);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* Leaves this thread with the spare channel and nothing else. */
static bool separate(const struct store *store)
{
	unsigned int spare = (unsigned int)store->spare;
	int channel = store->channel;

	return ioctl(store->spare, FUSE_DEV_IOC_CLONE, &channel) == 0 &&
	       unshare(CLONE_FILES) == 0 && close_range(0, spare - 1, 0) == 0 &&
	       close_range(spare + 1, UINT_MAX, 0) == 0;
}

static void push(const struct store *store, const struct piece *piece)
{
	struct fuse_notify_store_out what = { .nodeid = piece->node,
					      .offset = (uint64_t)piece->offset,
					      .size = (uint32_t)piece->size };
	struct fuse_out_header head = { .len = (uint32_t)(sizeof(head) + sizeof(what) +
							  piece->size),
					.error = FUSE_NOTIFY_STORE };
	const struct iovec iov[] = {
		{ &head, sizeof(head) },
		{ &what, sizeof(what) },
		{ (void *)(uintptr_t)(piece->block->data + piece->at), piece->size },
	};

	/* Whatever the kernel does not want (it has forgotten the file) it will ask for. */
	if (writev(store->spare, iov, sizeof(iov) / sizeof(iov[0])) > 0)
		stats_add(STAT_PUSHED, piece->size);
}

static void *work(void *data)
{
	struct store *store = data;
	bool is_ready = separate(store);

	cpus_use_all();
	pthread_mutex_lock(&store->lock);
	store->is_unusable = !is_ready;
	for (;;) {
		struct piece piece;

		while (store->count == 0 && !store->is_over)
			pthread_cond_wait(&store->more, &store->lock);
		if (store->count == 0)
			break;
		piece = store->pieces[store->first];
		pthread_mutex_unlock(&store->lock);
		if (is_ready)
			push(store, &piece);
		blocks_put(store->blocks, piece.block);
		pthread_mutex_lock(&store->lock);
		store->first = (store->first + 1) % PIECES;
		store->count--;
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

static bool is_there(const struct store *store, uint64_t node, off_t offset)
{
	for (size_t i = 0; i < store->count; i++) {
		const struct piece *piece = &store->pieces[(store->first + i) % PIECES];

		if (piece->node == node && piece->offset == offset)
			return true;
	}
	return false;
}

/* Called with the lock held. */
static bool start(struct store *store)
{
	if (!store->is_started)
		store->is_started = pthread_create(&store->thread, NULL, work, store) == 0;
	return store->is_started;
}

void store_push(struct store *store, uint64_t node, off_t offset, const struct block *block,
		size_t at, size_t size)
{
	pthread_mutex_lock(&store->lock);
	if (!store->is_unusable && store->count < PIECES && !is_there(store, node, offset) &&
	    start(store)) {
		struct piece *piece = &store->pieces[(store->first + store->count++) % PIECES];

		blocks_hold(store->blocks, block);
		*piece = (struct piece){ node, offset, block, at, size };
		pthread_cond_signal(&store->more);
	}
	pthread_mutex_unlock(&store->lock);
}
