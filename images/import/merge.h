/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * merge.h - the layers of an image as one squashfs.
 *
 * All layers are read twice: first for their names and digests, of which the tree is made (tree.h);
 * then for the contents that are left in it, which go on to mksquashfs as they come. What comes from
 * afar is kept in memory in between, see keep.h. So nothing is on
 * disk but the new image, and nothing is written before all digests have been found to be right.
 */
#ifndef DAVIT_IMPORT_MERGE_H
#define DAVIT_IMPORT_MERGE_H

#include <stdint.h>

#include "common/error.h"
#include "images/import/layers.h"
#include "images/import/pack.h"

struct merge {
	const struct pack_options *pack; /* root_mode and newest are not read */
	const char *path;                /* of the new image */
	/* Told how much has been read of all that is going to be; NULL: nobody. `total` is 0 where nobody
	 * knows. */
	void (*progress)(void *data, uint64_t done, uint64_t total);
	void *data;
	uint64_t left_out; /* result: devices, FIFOs and sockets */
	uint64_t entries;  /* result: in the image */
};

/* Returns 0, or -1 with `err` set and no image. */
int merge_layers(struct merge *merge, struct layers *layers, struct error *err);

#endif
