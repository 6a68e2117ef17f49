/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store.h - the rest of a block for the kernel, unasked.
 *
 * Whoever reads a few bytes here and there of a file makes the kernel ask for one page at a time, though
 * the block they lie in is decompressed already. So all that the file has in it is put into the page
 * cache (FUSE_NOTIFY_STORE), by a thread of its own.
 *
 * That thread waits, and cannot be killed, while a page is locked by somebody who waits for an answer.
 * So it must never be what keeps the file system alive: it answers nobody, and it has a channel and a
 * table of descriptors of its own. When the process is killed, the other threads' channel is closed at
 * once, which ends what they have not answered; processes that wait for pages can be killed, and unlock
 * them. That holds only where the kernel reads nothing in the background (FUSE_ASYNC_READ): such a request,
 * not taken yet, would keep its pages locked until the file system goes, and that would wait for the thread.
 */
#ifndef DAVIT_STORE_H
#define DAVIT_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "images/blocks.h"

#define STORE_BLOCKS_MAX 4 /* blocks that it holds at a time */

struct store;

/* `spare` is /dev/fuse, opened once more, for nothing else: it becomes a second channel of the file
 * system of `channel`. NULL when out of memory. */
struct store *store_new(struct blocks *blocks, int channel, int spare);

/* Waits until what was pushed is with the kernel. NULL is fine. */
void store_free(struct store *store);

/* Puts `size` bytes at `offset` of the file `node` into the page cache, soon: those at `at` of `block`,
 * which the caller holds. They must end with a page or with the file. Returns at once, and does nothing
 * where too much waits already. */
void store_push(struct store *store, uint64_t node, off_t offset, const struct block *block,
		size_t at, size_t size);

#endif
