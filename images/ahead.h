/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ahead.h - giving the kernel what it has not asked for yet.
 *
 * A program is mapped and read in pieces, here and there, and each piece is a request that somebody
 * waits for. So when the first one comes, a thread of its own decompresses the rest of a file that
 * is not too big, or the rest of the blocks of a bigger one, and puts it into the page cache.
 *
 * The kernel makes the thread wait while a page is locked by a request that is not answered yet.
 * That is why no worker may do this, nor ever wait for the thread.
 */
#ifndef DAVIT_AHEAD_H
#define DAVIT_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "images/blocks.h"
#include "images/readers.h"

struct ahead;
struct fuse_session;

/* All of them must live until the process ends, as the thread does that ahead_start() starts. NULL
 * when out of memory. */
struct ahead *ahead_new(struct fuse_session *session, struct readers *readers,
			struct blocks *blocks);

/* `size` bytes at `offset` of the file are being read, which has `file_size` bytes. Does not wait;
 * when there is too much to do, it is forgotten. `ahead` may be NULL. */
void ahead_note(struct ahead *ahead, uint64_t node, uint64_t inode, uint64_t offset, uint64_t size,
		uint64_t file_size);

/* Starts the thread, if it does not run yet and there is something to do: for when nobody waits. */
void ahead_start(struct ahead *ahead);

#endif
