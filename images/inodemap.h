/* SPDX-License-Identifier: BSD-3-Clause */
/* inodemap.h - what is known of inodes, or of other places in an image, by their numbers. */
#ifndef DAVIT_INODEMAP_H
#define DAVIT_INODEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zeros is an empty one. */
struct inodemap {
	struct inodemap_slot *slots;
	size_t count, room; /* room: 0 or a power of two */
	uint64_t secret;
};

/* Where the value of `key` is; a new one is 0. The place is good until the next call. Sets *is_new, unless
 * that is NULL. NULL when out of memory. */
uint64_t *inodemap_get(struct inodemap *map, uint64_t key, bool *is_new);

/* The value of `key`, or NULL where it has none. */
const uint64_t *inodemap_find(const struct inodemap *map, uint64_t key);

void inodemap_done(struct inodemap *map);

#endif
