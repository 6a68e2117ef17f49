/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * content.c - see content.h.
 *
 * Where the bytes lie in a few blocks, the kernel gets them right from there. What is scattered over
 * more of them, or has holes, is put together first: a thread may not hold too many blocks.
 */
#define FUSE_USE_VERSION 32
#include "images/content.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "common/fd.h"

#define EXTENTS_MAX 64

/* What is asked for, and where the first part of it is. */
struct request {
	const struct content *content;
	const struct squash *squash; /* for squash_get_block() only */
	uint64_t inode;
	size_t count;
	struct squash_extent extents[EXTENTS_MAX];
};

static int locate(struct request *request, off_t offset, size_t size)
{
	struct squash *squash = readers_take(request->content->readers);
	int error = squash_locate(squash, request->inode, offset, size, request->extents,
				  EXTENTS_MAX, &request->count);

	readers_give(request->content->readers, squash);
	request->squash = squash;
	return error;
}

static int copy(struct request *request, const struct squash_extent *extent, char *to)
{
	const struct block *block;
	int error;

	if (extent->hole) {
		memset(to, 0, extent->size);
		return 0;
	}
	error = squash_get_block(request->squash, request->content->blocks, extent, &block);
	if (error)
		return error;
	memcpy(to, block->data + extent->offset, extent->size);
	blocks_put(request->content->blocks, block);
	return 0;
}

static int reply_copy(struct fuse_req *req, struct request *request, off_t offset, size_t size)
{
	size_t got = 0;
	cleanup_free char *buf = malloc(size);
	int error = buf ? 0 : ENOMEM;

	while (!error && request->count > 0) {
		for (size_t i = 0; i < request->count && !error; i++) {
			error = copy(request, &request->extents[i], buf + got);
			got += request->extents[i].size;
		}
		request->count = 0;
		if (!error && got < size)
			error = locate(request, offset + (off_t)got, size - got);
	}
	if (!error)
		fuse_reply_buf(req, buf, got);
	return error;
}

static bool is_simple(const struct request *request)
{
	for (size_t i = 0; i < request->count; i++)
		if (request->extents[i].hole)
			return false;
	return request->count <= CONTENT_BLOCKS_MAX;
}

static int reply_blocks(struct fuse_req *req, struct request *request)
{
	const struct block *blocks[CONTENT_BLOCKS_MAX];
	struct iovec iov[CONTENT_BLOCKS_MAX];
	size_t held = 0;
	int error = 0;

	while (held < request->count) {
		const struct squash_extent *extent = &request->extents[held];

		error = squash_get_block(request->squash, request->content->blocks, extent,
					 &blocks[held]);
		if (error)
			break;
		iov[held].iov_base = (void *)(uintptr_t)(blocks[held]->data + extent->offset);
		iov[held++].iov_len = extent->size;
	}
	if (!error)
		fuse_reply_iov(req, iov, (int)held);
	while (held > 0)
		blocks_put(request->content->blocks, blocks[--held]);
	return error;
}

int content_reply(const struct content *content, struct fuse_req *req, uint64_t inode, off_t offset,
		  size_t size)
{
	struct request request = { .content = content, .inode = inode };
	int error = locate(&request, offset, size);

	if (error)
		return error;
	return is_simple(&request) ? reply_blocks(req, &request)
				   : reply_copy(req, &request, offset, size);
}
