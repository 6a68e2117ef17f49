/* SPDX-License-Identifier: BSD-3-Clause */
/* inodemap.c - see inodemap.h: a table of hashes with open addressing, at most two thirds full. */
#include "images/inodemap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

struct inodemap_slot {
	uint64_t key; /* one more than it is: 0 is nobody */
	uint64_t value;
};

/* Who makes an image may choose numbers that would meet in the table, but does not know this one, which is
 * of the process. */
static uint64_t secret(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t number = 0;

	if (random)
		memcpy(&number, random, sizeof(number));
	return number;
}

static size_t place(const struct inodemap *map, uint64_t key)
{
	uint64_t hash = (key ^ map->secret) * 0x9e3779b97f4a7c15u;

	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
	return (size_t)(hash ^ hash >> 32) & (map->room - 1);
}

/* The slot of `key`, or the empty one in which it would be. */
static struct inodemap_slot *slot_of(const struct inodemap *map, uint64_t key)
{
	size_t at = place(map, key);

	while (map->slots[at].key != 0 && map->slots[at].key != key + 1)
		at = (at + 1) & (map->room - 1);
	return &map->slots[at];
}

static int grow(struct inodemap *map)
{
	struct inodemap bigger = { .room = map->room ? map->room * 2 : 64,
				   .count = map->count,
				   .secret = map->room ? map->secret : secret() };

	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < map->room; i++)
		if (map->slots[i].key != 0)
			*slot_of(&bigger, map->slots[i].key - 1) = map->slots[i];
	free(map->slots);
	*map = bigger;
	return 0;
}

uint64_t *inodemap_get(struct inodemap *map, uint64_t key, bool *is_new)
{
	struct inodemap_slot *slot;

	if (map->count >= map->room / 3 * 2 && grow(map) < 0)
		return NULL;
	slot = slot_of(map, key);
	if (is_new)
		*is_new = slot->key == 0;
	if (slot->key == 0) {
		slot->key = key + 1;
		map->count++;
	}
	return &slot->value;
}

const uint64_t *inodemap_find(const struct inodemap *map, uint64_t key)
{
	const struct inodemap_slot *slot = map->room ? slot_of(map, key) : NULL;

	return slot && slot->key != 0 ? &slot->value : NULL;
}

void inodemap_done(struct inodemap *map)
{
	free(map->slots);
	*map = (struct inodemap){ .slots = NULL };
}
