/* SPDX-License-Identifier: BSD-3-Clause */
/* ahead.c - see ahead.h. */
#define FUSE_USE_VERSION 32
#include "images/ahead.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "images/workers.h"

#define WHOLE_MAX   ((uint64_t)4 << 20) /* bytes of a file that is stored whole */
#define JOBS_MAX    32
#define RECENT_MAX  32
#define EXTENTS_MAX 8

struct job {
	fuse_ino_t node;
	uint64_t inode;
	uint64_t start, end; /* bytes of the file */
};

struct ahead {
	struct fuse_session *session;
	struct readers *readers;
	struct blocks *blocks;
	uint64_t block_size;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t posted;
	struct job jobs[JOBS_MAX]; /* a ring */
	size_t first, count;
	uint64_t recent[RECENT_MAX]; /* inodes of files that were stored whole: a ring; 0 is none */
	size_t next_recent;
	bool started, stopped;
};

struct ahead *ahead_new(struct fuse_session *session, struct readers *readers,
			struct blocks *blocks)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));
	struct squash *squash;

	if (!ahead)
		return NULL;
	squash = readers_take(readers);
	ahead->block_size = squash_block_size(squash);
	readers_give(readers, squash);
	ahead->session = session;
	ahead->readers = readers;
	ahead->blocks = blocks;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->posted, NULL);
	return ahead;
}

/* A page that the file ends in is complete only when the store ends there as well, and a store that
 * went further would change the file's size: squash_locate() sees to both. */
static int store(struct ahead *ahead, const struct job *job, uint64_t offset,
		 const struct squash *squash, const struct squash_extent *extent)
{
	struct fuse_bufvec buf = FUSE_BUFVEC_INIT(extent->size);
	const struct block *block;
	int error;

	if (extent->hole)
		return 0;
	error = squash_get_block(squash, ahead->blocks, extent, &block);
	if (error)
		return error;
	buf.buf[0].mem = (void *)(uintptr_t)(block->data + extent->offset);
	error = -fuse_lowlevel_notify_store(ahead->session, job->node, (off_t)offset, &buf, 0);
	blocks_put(ahead->blocks, block);
	return error;
}

static int run(struct ahead *ahead, const struct job *job)
{
	struct squash_extent extents[EXTENTS_MAX];
	uint64_t offset = job->start, file_size;
	size_t count;

	while (offset < job->end) {
		struct squash *squash = readers_take(ahead->readers);
		int error = squash_locate(squash, job->inode, (off_t)offset, job->end - offset,
					  extents, EXTENTS_MAX, &count, &file_size);

		readers_give(ahead->readers, squash);
		if (!error && count == 0)
			break;
		for (size_t i = 0; i < count && !error; i++) {
			error = store(ahead, job, offset, squash, &extents[i]);
			offset += extents[i].size;
		}
		if (error)
			return error;
	}
	return 0;
}

static void *work(void *data)
{
	struct ahead *ahead = data;
	int error = 0;

	workers_spread();
	pthread_mutex_lock(&ahead->lock);
	/* EIO and ENOMEM are left to those who really need that file, and ENOENT means that the kernel
	 * has forgotten it; with ENODEV all is over. */
	while (error != ENODEV && error != EPERM) {
		struct job job;

		while (ahead->count == 0)
			pthread_cond_wait(&ahead->posted, &ahead->lock);
		job = ahead->jobs[ahead->first];
		ahead->first = (ahead->first + 1) % JOBS_MAX;
		ahead->count--;
		pthread_mutex_unlock(&ahead->lock);
		error = run(ahead, &job);
		pthread_mutex_lock(&ahead->lock);
	}
	ahead->stopped = true;
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

static bool is_recent(struct ahead *ahead, uint64_t inode)
{
	for (size_t i = 0; i < RECENT_MAX; i++)
		if (ahead->recent[i] == inode)
			return true;
	ahead->recent[ahead->next_recent] = inode;
	ahead->next_recent = (ahead->next_recent + 1) % RECENT_MAX;
	return false;
}

/* Called with the lock held. */
static void post(struct ahead *ahead, const struct job *job)
{
	if (ahead->stopped || ahead->count == JOBS_MAX)
		return;
	ahead->jobs[(ahead->first + ahead->count++) % JOBS_MAX] = *job;
	pthread_cond_signal(&ahead->posted);
}

void ahead_note(struct ahead *ahead, uint64_t node, uint64_t inode, uint64_t offset, uint64_t size,
		uint64_t file_size)
{
	struct job job = { .node = node, .inode = inode, .end = file_size };

	if (!ahead || (offset == 0 && size >= file_size))
		return;
	pthread_mutex_lock(&ahead->lock);
	if (file_size > WHOLE_MAX) {
		job.start = offset / ahead->block_size * ahead->block_size;
		job.end = (offset + size + ahead->block_size - 1) / ahead->block_size *
			  ahead->block_size;
		if (job.end > file_size)
			job.end = file_size;
		if (job.start < offset || job.end > offset + size)
			post(ahead, &job);
	} else if (!is_recent(ahead, inode)) {
		post(ahead, &job);
	}
	pthread_mutex_unlock(&ahead->lock);
}

void ahead_start(struct ahead *ahead)
{
	pthread_t thread;

	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	if (!ahead->started && ahead->count > 0) {
		ahead->started = true;
		ahead->stopped = pthread_create(&thread, NULL, work, ahead) != 0;
	}
	pthread_mutex_unlock(&ahead->lock);
}
