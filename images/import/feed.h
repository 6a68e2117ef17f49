/* SPDX-License-Identifier: BSD-3-Clause */
/* feed.h - a part of a file through a pipe, of which a thread takes care. */
#ifndef DAVIT_IMPORT_FEED_H
#define DAVIT_IMPORT_FEED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* All zeros: nothing is fed. */
struct feed {
	pthread_t thread;
	bool is_running;
	int from, to, reason;
	int64_t at, left;
};

/* Feeds `size` bytes of the file `from`, from `at` on. Returns the end of a pipe that gives them, or -1 with `err`
 * set. When that has been closed, and not before, feed_end() has to be called. */
int feed_start(struct feed *feed, int from, int64_t at, int64_t size, struct error *err);

/* Returns 0, also where the reader wanted no more, or -1 with `err` set if not all could be read. */
int feed_end(struct feed *feed, struct error *err);

#endif
