/* SPDX-License-Identifier: BSD-3-Clause */
/* readers.c - see readers.h. */
#include "images/readers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "images/measure.h"

struct readers {
	const struct image *image;
	pthread_mutex_t lock;
	pthread_cond_t given;
	size_t count; /* readers that exist, or are being opened */
	bool full;    /* no more of them */
	struct squash *squash[READERS_MAX];
	bool free[READERS_MAX];
};

struct readers *readers_new(const struct image *image, struct error *err)
{
	struct readers *readers = calloc(1, sizeof(*readers));

	if (!readers) {
		error_set(err, ENOMEM, "cannot read the image");
		return NULL;
	}
	readers->squash[0] = squash_open(image->fd, image->offset, err);
	if (!readers->squash[0]) {
		(void)image_blame(image, err);
		free(readers);
		return NULL;
	}
	readers->image = image;
	readers->free[0] = true;
	readers->count = 1;
	pthread_mutex_init(&readers->lock, NULL);
	pthread_cond_init(&readers->given, NULL);
	return readers;
}

void readers_free(struct readers *readers)
{
	if (!readers)
		return;
	for (size_t i = 0; i < readers->count; i++)
		squash_close(readers->squash[i]);
	pthread_cond_destroy(&readers->given);
	pthread_mutex_destroy(&readers->lock);
	free(readers);
}

/* The first that is free: it has the fullest caches. */
static struct squash *find_free(struct readers *readers)
{
	for (size_t i = 0; i < readers->count; i++) {
		if (readers->free[i]) {
			readers->free[i] = false;
			return readers->squash[i];
		}
	}
	return NULL;
}

/* Called and returns with the lock held. Without memory for one more, those that are there must do. */
static struct squash *open_another(struct readers *readers)
{
	struct error ignored = ERROR_INIT;
	struct squash *squash;
	size_t index = readers->count++;

	if (readers->count == READERS_MAX)
		readers->full = true;
	pthread_mutex_unlock(&readers->lock);
	squash = squash_open(readers->image->fd, readers->image->offset, &ignored);
	pthread_mutex_lock(&readers->lock);
	readers->squash[index] = squash;
	if (!squash)
		readers->full = true;
	return squash;
}

struct squash *readers_take(struct readers *readers)
{
	struct squash *squash;

	pthread_mutex_lock(&readers->lock);
	while (!(squash = find_free(readers))) {
		if (readers->full)
			pthread_cond_wait(&readers->given, &readers->lock);
		else if ((squash = open_another(readers)))
			break;
	}
	pthread_mutex_unlock(&readers->lock);
	return squash;
}

void readers_give(struct readers *readers, struct squash *squash)
{
	pthread_mutex_lock(&readers->lock);
	for (size_t i = 0; i < readers->count; i++)
		if (readers->squash[i] == squash)
			readers->free[i] = true;
	pthread_cond_signal(&readers->given);
	pthread_mutex_unlock(&readers->lock);
}
