/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ahead.c - see ahead.h.
 *
 * What comes next is guessed from what came before: a piece that begins where the last one of that file
 * ended, or the fragment behind the last one. Nothing is done for what is read here and there, and
 * nothing while as many others as there are CPUs get what somebody waits for.
 */
#include "images/ahead.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "images/cpus.h"

#define STREAMS      64 /* files that are read at a time */
#define TASKS        16 /* that wait; more are forgotten */
#define BLOCKS_AHEAD 2
#define BYTES_AHEAD  ((size_t)256 << 10) /* or so many bytes, if that is more */
#define EXTENTS_MAX  (BYTES_AHEAD / 4096 + 1)

/* A file that is read from beginning to end, perhaps. */
struct stream {
	uint64_t inode;
	uint64_t next;  /* where the last piece ended */
	uint64_t ahead; /* how far somebody has been sent */
};

/* A piece of a file, or a fragment. */
struct task {
	uint64_t inode;
	off_t offset;
	size_t size; /* 0: it is the fragment that is meant */
	uint32_t fragment;
};

struct ahead {
	struct squash *squash;
	struct blocks *blocks;
	size_t window, step; /* bytes: that are fetched ahead, and of one task */

	pthread_mutex_t lock;
	pthread_cond_t more;
	struct stream streams[STREAMS];
	uint32_t fragment; /* the last one that was read */
	struct task tasks[TASKS];
	size_t first, count;
	pthread_t threads[AHEAD_THREADS_MAX];
	int started, idle, threads_max;
	int wanted; /* pieces that somebody waits for */
	int cpus;
	bool is_over;
};

struct ahead *ahead_new(struct squash *squash, struct blocks *blocks, int cpus)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));

	if (!ahead)
		return NULL;
	ahead->squash = squash;
	ahead->blocks = blocks;
	ahead->window = BLOCKS_AHEAD * squash_block_size(squash);
	if (ahead->window < BYTES_AHEAD)
		ahead->window = BYTES_AHEAD;
	ahead->step = squash_block_size(squash);
	if (ahead->step < ahead->window / 4)
		ahead->step = ahead->window / 4;
	ahead->fragment = SQUASH_NO_FRAGMENT;
	ahead->cpus = cpus;
	ahead->threads_max = cpus < AHEAD_THREADS_MAX ? cpus : AHEAD_THREADS_MAX;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->more, NULL);
	return ahead;
}

void ahead_free(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->is_over = true;
	pthread_cond_broadcast(&ahead->more);
	pthread_mutex_unlock(&ahead->lock);
	for (int i = 0; i < ahead->started; i++)
		pthread_join(ahead->threads[i], NULL);
	pthread_cond_destroy(&ahead->more);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}

static void fetch_all(struct ahead *ahead, const struct task *task)
{
	struct squash_extent extents[EXTENTS_MAX];
	size_t count = 0;

	if (task->size == 0)
		count = squash_fragment(ahead->squash, task->fragment, extents) == 0;
	else if (squash_locate(ahead->squash, task->inode, task->offset, task->size, extents,
			       EXTENTS_MAX, &count))
		count = 0;
	for (size_t i = 0; i < count; i++)
		(void)squash_fetch_block(ahead->squash, ahead->blocks, &extents[i]);
}

static void *work(void *data)
{
	struct ahead *ahead = data;

	cpus_use_all();
	pthread_mutex_lock(&ahead->lock);
	for (;;) {
		struct task task;

		ahead->idle++;
		while (ahead->count == 0 && !ahead->is_over)
			pthread_cond_wait(&ahead->more, &ahead->lock);
		ahead->idle--;
		if (ahead->is_over)
			break;
		task = ahead->tasks[ahead->first];
		ahead->first = (ahead->first + 1) % TASKS;
		ahead->count--;
		pthread_mutex_unlock(&ahead->lock);
		fetch_all(ahead, &task);
		pthread_mutex_lock(&ahead->lock);
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

/* Called with the lock held. A thread that cannot be had is no harm. */
static void add(struct ahead *ahead, const struct task *task)
{
	if (ahead->count == TASKS || ahead->wanted >= ahead->cpus)
		return;
	ahead->tasks[(ahead->first + ahead->count++) % TASKS] = *task;
	if (ahead->idle > 0)
		pthread_cond_signal(&ahead->more);
	else if (ahead->started < ahead->threads_max &&
		 pthread_create(&ahead->threads[ahead->started], NULL, work, ahead) == 0)
		ahead->started++;
}

/* One task for each block, so that several threads can share the work. */
static void follow(struct ahead *ahead, uint64_t inode, uint64_t offset, size_t size)
{
	struct stream *stream = &ahead->streams[inode % STREAMS];
	uint64_t step = ahead->step, end;

	if (stream->inode != inode || stream->next != offset || offset == 0) {
		*stream = (struct stream){ .inode = inode, .next = offset + size };
		return;
	}
	stream->next = offset + size;
	end = stream->next + ahead->window;
	if (stream->ahead < stream->next)
		stream->ahead = stream->next;
	for (; stream->ahead < end; stream->ahead += step - stream->ahead % step) {
		const struct task task = { .inode = inode,
					   .offset = (off_t)stream->ahead,
					   .size = (size_t)(step - stream->ahead % step) };

		add(ahead, &task);
	}
}

void ahead_begin(struct ahead *ahead, uint64_t inode, off_t offset, size_t size, uint32_t fragment)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->wanted++;
	if (fragment == SQUASH_NO_FRAGMENT) {
		follow(ahead, inode, (uint64_t)offset, size);
	} else if (fragment != ahead->fragment) {
		const struct task task = { .fragment = fragment + 1 };

		if (fragment == ahead->fragment + 1)
			add(ahead, &task);
		ahead->fragment = fragment;
	}
	pthread_mutex_unlock(&ahead->lock);
}

void ahead_end(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->wanted--;
	pthread_mutex_unlock(&ahead->lock);
}
