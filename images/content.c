/* SPDX-License-Identifier: BSD-3-Clause */
/* content.c - see content.h. The kernel gets the bytes right from the cache of blocks. */
#define FUSE_USE_VERSION 32
#include "images/content.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <sys/uio.h>

#include "images/stats.h"

#define BLOCK_MIN   4096                          /* of a squashfs */
#define EXTENTS_MAX (CONTENT_MAX / BLOCK_MIN + 1) /* that a request can touch */

static char zeros[CONTENT_MAX]; /* what is in holes */

/* Gets the blocks of all extents, and says where their bytes are. *held counts the blocks. */
static int gather(const struct content *content, const struct squash_extent *extents, size_t count,
		  struct iovec *iov, const struct block **blocks, size_t *held)
{
	for (size_t i = 0; i < count; i++) {
		const struct squash_extent *extent = &extents[i];
		const char *data = zeros;

		if (!extent->hole) {
			const struct block *block;
			int error =
				squash_get_block(content->squash, content->blocks, extent, &block);

			if (error)
				return error;
			blocks[(*held)++] = block;
			data = block->data + extent->offset;
		}
		iov[i].iov_base = (void *)(uintptr_t)data;
		iov[i].iov_len = extent->size;
	}
	return 0;
}

int content_reply(const struct content *content, struct fuse_req *req, uint64_t inode, off_t offset,
		  size_t size)
{
	struct squash_extent extents[EXTENTS_MAX];
	const struct block *blocks[EXTENTS_MAX];
	struct iovec iov[EXTENTS_MAX];
	size_t count, held = 0, sent = 0;
	int error;

	/* More would not fit in there; whoever gets less takes that for the end of the file. */
	if (size > CONTENT_MAX)
		return EINVAL;
	error = squash_locate(content->squash, inode, offset, size, extents, EXTENTS_MAX, &count);
	if (error)
		return error;
	for (size_t i = 0; i < count; i++)
		sent += extents[i].size;
	ahead_begin(content->ahead, inode, offset, sent,
		    count > 0 ? extents[count - 1].fragment : SQUASH_NO_FRAGMENT);
	error = gather(content, extents, count, iov, blocks, &held);
	ahead_end(content->ahead);
	if (!error) {
		stats_add(STAT_READ, sent);
		fuse_reply_iov(req, iov, (int)count);
	}
	while (held > 0)
		blocks_put(content->blocks, blocks[--held]);
	return error;
}
