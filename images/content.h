/* SPDX-License-Identifier: BSD-3-Clause */
/* content.h - the answer to a request to read. */
#ifndef DAVIT_CONTENT_H
#define DAVIT_CONTENT_H

#include <stdint.h>
#include <sys/types.h>

#include "images/blocks.h"
#include "images/readers.h"

struct fuse_req;

/* What is there to read files. */
struct content {
	struct readers *readers;
	struct blocks *blocks;
};

/* Replies to `req` with the bytes at `offset` of a file of the image, up to `size` of them; or
 * returns an errno without a reply. */
int content_reply(const struct content *content, struct fuse_req *req, uint64_t inode, off_t offset,
		  size_t size);

/* How many blocks a thread holds at once in there at most: what the kernel reads at a time, 128 KiB,
 * lies in two blocks of the usual size. */
#define CONTENT_BLOCKS_MAX 2

#endif
