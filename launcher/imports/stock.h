/* SPDX-License-Identifier: BSD-3-Clause */
/* stock.h - what is in the import cache: listing it, and removing what nobody uses. */
#ifndef DAVIT_IMPORTS_STOCK_H
#define DAVIT_IMPORTS_STOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "launcher/imports/cache.h"

#define STOCK_USE_FRONT "use." /* of the lock that users of an image share */

struct stored {
	char key[IMPORT_KEY_SIZE];
	char digest[DIGEST_TEXT_SIZE];
	uint64_t size; /* bytes */
	time_t imported, used;
	char **sources; /* that stand for it now; ends with NULL */
};

struct stock {
	struct stored *items; /* the one that was used last comes first */
	size_t count;
	uint64_t size; /* of all */
};

/* Reads what is there. Returns 0, or -1 with `err` set; stock_done() frees it in each case. */
int stock_read(struct stock *stock, const struct import_cache *cache, struct error *err);
void stock_done(struct stock *stock);

/* Removes an image, and what stands for it, unless somebody uses it (EBUSY). Returns 0, or -1 with `err` set. */
int stock_remove(const struct import_cache *cache, const struct stored *stored, struct error *err);

struct stock_freed {
	size_t count; /* images */
	uint64_t size;
};

/* Removes images that nobody uses, those first that were used longest ago, until the others have no more than
 * `max` bytes; adds them to *freed, unless that is NULL. One that cannot be removed stops it from no other. Returns
 * 0, or -1 with `err` set to the first failure. */
int stock_shrink(const struct import_cache *cache, uint64_t max, struct stock_freed *freed,
		 struct error *err);

/* Removes what imports have left that were killed: of this image, whose turn the caller has; NULL: of all images
 * whose turn is nobody's. */
void stock_clear_unfinished(const struct import_cache *cache, const char *key);

/* Removes what jobs have settled long ago, and locks of images that are not there. */
void stock_clear_old(const struct import_cache *cache);

#endif
