/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ahead.h - decompressing what will be asked for next.
 *
 * The kernel asks for one more piece of a file that is read from beginning to end, never for two; so
 * one CPU would be at work at a time. And of many small files, which lie together in blocks, it does
 * not know what comes next. Threads of their own decompress that into the cache meanwhile.
 */
#ifndef DAVIT_AHEAD_H
#define DAVIT_AHEAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "images/blocks.h"
#include "images/squash.h"

#define AHEAD_THREADS_MAX 4 /* each of which holds one block at a time */

struct ahead;

/* For files of `squash`, whose blocks go to `blocks`; both must live as long. The process may use `cpus`
 * CPUs, two at least: with one, this would only be in the way. NULL when out of memory. */
struct ahead *ahead_new(struct squash *squash, struct blocks *blocks, int cpus);

/* Waits for what is being decompressed. NULL is fine. */
void ahead_free(struct ahead *ahead);

/* To be called around the getting of what somebody waits for: `size` bytes at `offset` of a file, the last
 * of which are in fragment `fragment`, or SQUASH_NO_FRAGMENT. Both return at once; `ahead` may be NULL. */
void ahead_begin(struct ahead *ahead, uint64_t inode, off_t offset, size_t size, uint32_t fragment);
void ahead_end(struct ahead *ahead);

#endif
