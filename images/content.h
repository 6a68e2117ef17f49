/* SPDX-License-Identifier: BSD-3-Clause */
/* content.h - the answer to a request to read. */
#ifndef DAVIT_CONTENT_H
#define DAVIT_CONTENT_H

#include <stdint.h>
#include <sys/types.h>

#include "images/ahead.h"
#include "images/blocks.h"
#include "images/squash.h"

/* Bytes that the kernel asks for at a time at most: it is told so by image_mount(). */
#define CONTENT_MAX (128 << 10)

struct fuse_req;

/* What is there to read files. */
struct content {
	struct squash *squash;
	struct blocks *blocks;
	struct ahead *ahead; /* NULL: nothing is read before somebody asks */
};

/* How many blocks of `size` bytes a thread holds at once in there at most: what the kernel asks for may
 * begin at the last byte of one. */
static inline size_t content_blocks(size_t size)
{
	return (CONTENT_MAX + size - 2) / size + 1;
}

/* Replies to `req` with the bytes at `offset` of a file of the image, up to `size` of them; or
 * returns an errno without a reply. */
int content_reply(const struct content *content, struct fuse_req *req, uint64_t inode, off_t offset,
		  size_t size);

#endif
