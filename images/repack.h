/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repack.h - all of a squashfs into a new one, in another order.
 *
 * Names, modes, owners, times, attributes, links, holes, devices and bytes are kept; so are compression and
 * its level, the size of blocks and what of it is not compressed, unless something else is said. Of the root
 * directory only the mode is kept, see pack.h; its time is that of the newest file.
 */
#ifndef DAVIT_REPACK_H
#define DAVIT_REPACK_H

#include <stddef.h>

#include "common/error.h"
#include "images/direct.h"
#include "images/image.h"
#include "images/import/pack.h"
#include "images/order.h"

struct repack {
	const struct image *image;
	const struct direct *direct; /* has it open */
	const struct order *order;
	size_t sockets; /* comes out: how many were left out, which no archive can hold */
};

/* What `image` was made with goes to what is not set in `options`; `more` gets the further words of
 * options->more, REPACK_MORE of them. Returns 0, or -1 with `err` set. */
#define REPACK_MORE 8
int repack_options(const struct repack *repack, struct pack_options *options,
		   const char *more[REPACK_MORE], struct error *err);

/* Writes all entries to `pack`, which is open. Returns 0, or -1 with `err` set. */
int repack_entries(struct repack *repack, struct pack *pack, struct error *err);

#endif
