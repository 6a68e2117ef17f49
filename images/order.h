/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * order.h - all that is in a squashfs, in the order in which a new one is to have it.
 *
 * First what has no bytes: directories, links and the like. Then files that a trace has read, in its order;
 * behind them those of which it read less than half, since who reads on would read the rest for nothing. Then
 * all others, in the order of the image. What is one file under several names comes under the first, and the
 * other names in the end.
 */
#ifndef DAVIT_ORDER_H
#define DAVIT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "images/squash.h"
#include "images/tracefile.h"

enum order_place {
	ORDER_NO_FILE,
	ORDER_START,
	ORDER_PARTLY,
	ORDER_REST,
	ORDER_LINK, /* one more name of what `first` names */
};

struct order_entry {
	char *path; /* absolute in the image */
	uint64_t inode;
	mode_t type; /* the S_IFMT bits */
	enum order_place place;
	uint64_t key;      /* orders those of a place */
	const char *first; /* of ORDER_LINK; the path of another entry */
};

struct order {
	struct order_entry *entries;
	size_t count;
	time_t newest;         /* of all times in the image */
	size_t found, missing; /* files that the traces name, each once: in the image, or not */
};

/* Makes the order of `squash` by `count` traces, one after the other. Returns 0, or -1 with `err` set;
 * order_done() frees it in each case. */
int order_make(struct order *order, struct squash *squash, const struct trace_list *traces,
	       size_t count, struct error *err);
void order_done(struct order *order);

/* Tells where in `squash`, made in this order, the bytes of the start end: 0 where there are none. Returns 0,
 * or -1 with `err` set. */
int order_find_end(const struct order *order, struct squash *squash, uint64_t *end,
		   struct error *err);

/* Finds what `path` names in an image, following no links. Returns 0 or an errno. */
int order_look_up(struct squash *squash, const char *path, uint64_t *inode);

#endif
