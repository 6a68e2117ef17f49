/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blocks.h - decompressed blocks, shared by the threads of an image server.
 *
 * The kernel asks for pieces of a block, often from several processes at once. Each block is
 * decompressed by the first thread that needs it, while others that want it wait, and is kept until
 * the place is needed: the least recently used goes first.
 */
#ifndef DAVIT_BLOCKS_H
#define DAVIT_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

struct blocks; /* a cache */

struct block {
	const char *data;
	size_t size; /* bytes */
};

/* A cache of `count` blocks of up to `size` bytes: memory is taken only as they fill. `count` must
 * be more than all threads together ever hold. NULL when out of memory. */
struct blocks *blocks_new(size_t count, size_t size);
void blocks_free(struct blocks *blocks);

/* Finds the block that starts at `position` of the image; where it is not there, `fill` writes its
 * data to `data` and sets *size, which says before how much room there is; or it returns an errno.
 * Returns 0 with the block, which stays valid until blocks_put(), or an errno. */
int blocks_get(struct blocks *blocks, uint64_t position,
	       int (*fill)(void *context, void *data, size_t *size), void *context,
	       const struct block **block);

void blocks_put(struct blocks *blocks, const struct block *block);

#endif
