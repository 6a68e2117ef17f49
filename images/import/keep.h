/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keep.h - layers that came from afar, kept in memory as they are stored until they are read again.
 *
 * As far as there is room: what cannot be kept is fetched twice.
 */
#ifndef DAVIT_IMPORT_KEEP_H
#define DAVIT_IMPORT_KEEP_H

#include <stdint.h>

#include "images/import/layers.h"

struct keep {
	uint64_t room; /* bytes that may still be taken */
	int files[LAYERS_MAX];
};

/* Room is a quarter of what this process may take of memory, and 1 GiB at most. */
void keep_init(struct keep *keep);

/* The layer comes now, in pieces. */
void keep_begin(struct keep *keep, uint32_t layer, int64_t size);
void keep_add(struct keep *keep, uint32_t layer, const void *bytes, size_t size);

/* A descriptor of the whole layer, the caller's from now on; -1: it is not here. */
int keep_take(struct keep *keep, uint32_t layer);

void keep_done(struct keep *keep);

#endif
