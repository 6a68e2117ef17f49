/* SPDX-License-Identifier: BSD-3-Clause */
/* added.c - see added.h. A flat array: a container has a few dozen mount points. */
#include "images/added.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* An inode of squashfs has 48 bits, so this bit tells the two apart. */
#define ADDED_BIT ((uint64_t)1 << 62)

struct node {
	uint64_t parent;
	mode_t mode;
	char *name;
};

struct added {
	pthread_mutex_t lock;
	atomic_size_t count; /* read without the lock: most images never get a node */
	struct node nodes[ADDED_MAX];
};

struct added *added_new(void)
{
	struct added *added = calloc(1, sizeof(*added));

	if (added)
		pthread_mutex_init(&added->lock, NULL);
	return added;
}

void added_free(struct added *added)
{
	if (!added)
		return;
	for (size_t i = 0; i < added->count; i++)
		free(added->nodes[i].name);
	pthread_mutex_destroy(&added->lock);
	free(added);
}

bool added_is(uint64_t node)
{
	return node & ADDED_BIT;
}

int added_lookup(struct added *added, uint64_t parent, const char *name, uint64_t *node)
{
	size_t cursor = 0;
	const char *child;

	while ((child = added_next(added, parent, &cursor, node)))
		if (strcmp(child, name) == 0)
			return 0;
	return ENOENT;
}

int added_create(struct added *added, uint64_t parent, const char *name, mode_t mode,
		 uint64_t *node)
{
	int result = 0;
	size_t at;

	pthread_mutex_lock(&added->lock);
	at = added->count;
	if (added_lookup(added, parent, name, node) == 0) {
		result = EEXIST;
	} else if (at == ADDED_MAX) {
		result = ENOSPC;
	} else {
		struct node *slot = &added->nodes[at];

		slot->parent = parent;
		slot->mode = mode;
		slot->name = strdup(name);
		if (!slot->name)
			result = ENOMEM;
		else
			added->count = at + 1; /* publishes the slot */
	}
	pthread_mutex_unlock(&added->lock);
	if (result == 0)
		*node = ADDED_BIT + at;
	return result;
}

mode_t added_mode(struct added *added, uint64_t node)
{
	uint64_t at = node - ADDED_BIT;

	return added_is(node) && at < added->count ? added->nodes[at].mode : 0;
}

uint64_t added_parent(struct added *added, uint64_t node)
{
	return added->nodes[node - ADDED_BIT].parent;
}

const char *added_next(struct added *added, uint64_t parent, size_t *cursor, uint64_t *node)
{
	size_t count = added->count;

	while (*cursor < count) {
		size_t at = (*cursor)++;

		if (added->nodes[at].parent == parent) {
			*node = ADDED_BIT + at;
			return added->nodes[at].name;
		}
	}
	return NULL;
}
