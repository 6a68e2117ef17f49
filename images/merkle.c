/* SPDX-License-Identifier: BSD-3-Clause */
/* merkle.c - see merkle.h. */
#include "images/merkle.h"

#include <endian.h>
#include <errno.h>
#include <linux/fsverity.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/crypto.h"

#define READ_BLOCKS 256 /* read at a time: 1 MiB */
#define LOG_BLOCK   12

_Static_assert(1 << LOG_BLOCK == MERKLE_BLOCK, "one block size");
_Static_assert(sizeof(struct fsverity_descriptor) == MERKLE_DESCRIPTOR_SIZE, "as in Linux");

static uint64_t blocks_of(uint64_t bytes)
{
	return bytes / MERKLE_BLOCK + (bytes % MERKLE_BLOCK != 0);
}

struct merkle merkle_shape(uint64_t size)
{
	struct merkle tree = { .size = size };
	uint64_t blocks = blocks_of(size), counts[MERKLE_LEVELS_MAX] = { 0 };

	while (blocks > 1 && tree.levels < MERKLE_LEVELS_MAX) {
		blocks = blocks / MERKLE_FANOUT + (blocks % MERKLE_FANOUT != 0);
		counts[tree.levels++] = blocks;
	}
	for (unsigned int level = tree.levels; level-- > 0;) {
		tree.start[level] = tree.blocks;
		tree.blocks += counts[level];
	}
	return tree;
}

/* A block of each level that is being filled, and how far that has come. */
struct builder {
	const struct merkle *tree;
	int tree_fd;
	off_t offset;
	struct {
		unsigned char block[MERKLE_BLOCK];
		size_t used;   /* bytes */
		uint64_t done; /* blocks that are written */
	} levels[MERKLE_LEVELS_MAX];
	unsigned char *root;
};

static int write_block(const struct builder *builder, unsigned int level, struct error *err)
{
	uint64_t block = builder->tree->start[level] + builder->levels[level].done;
	off_t at = builder->offset + (off_t)(block * MERKLE_BLOCK);
	size_t done = 0;

	while (builder->tree_fd >= 0 && done < MERKLE_BLOCK) {
		ssize_t n = pwrite(builder->tree_fd, builder->levels[level].block + done,
				   MERKLE_BLOCK - done, at + (off_t)done);

		if (n < 0 && errno != EINTR)
			return error_set(err, errno, "cannot write the tree of hashes");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Puts the hash of a block of the level below, or of the file, where it belongs. */
static int add_block(struct builder *builder, unsigned int level, const void *block,
		     struct error *err);

static int flush_level(struct builder *builder, unsigned int level, struct error *err)
{
	unsigned char *block = builder->levels[level].block;

	memset(block + builder->levels[level].used, 0, MERKLE_BLOCK - builder->levels[level].used);
	if (write_block(builder, level, err) < 0)
		return -1;
	builder->levels[level].used = 0;
	builder->levels[level].done++;
	return add_block(builder, level + 1, block, err);
}

static int add_block(struct builder *builder, unsigned int level, const void *block,
		     struct error *err)
{
	unsigned char hash[DIGEST_BYTES];

	if (crypto_sha256(block, MERKLE_BLOCK, hash) < 0)
		return error_set(err, ENOMEM, "cannot make hashes");
	if (level == builder->tree->levels) {
		memcpy(builder->root, hash, sizeof(hash));
		return 0;
	}
	memcpy(builder->levels[level].block + builder->levels[level].used, hash, sizeof(hash));
	builder->levels[level].used += sizeof(hash);
	return builder->levels[level].used == MERKLE_BLOCK ? flush_level(builder, level, err) : 0;
}

static int add_file(struct builder *builder, int fd, struct error *err)
{
	const size_t size = (size_t)READ_BLOCKS * MERKLE_BLOCK;
	cleanup_free unsigned char *buf = malloc(size);
	uint64_t at = 0;
	ssize_t got;

	if (!buf)
		return error_set(err, ENOMEM, "cannot read it");
	while ((got = fd_pread_all(fd, buf, size, (off_t)at)) > 0) {
		uint64_t blocks = blocks_of((uint64_t)got);

		at += (uint64_t)got;
		if (at > builder->tree->size)
			break;
		memset(buf + got, 0, blocks * MERKLE_BLOCK - (size_t)got);
		for (uint64_t i = 0; i < blocks; i++)
			if (add_block(builder, 0, buf + i * MERKLE_BLOCK, err) < 0)
				return -1;
	}
	if (got < 0)
		return error_set(err, errno, "cannot read it");
	if (at != builder->tree->size) {
		error_set(err, 0, "its size changed while it was read");
		return error_remedy(err, "wait until it is whole, and try again");
	}
	return 0;
}

int merkle_build(const struct merkle *tree, int fd, int tree_fd, off_t offset,
		 unsigned char root[DIGEST_BYTES], struct error *err)
{
	cleanup_free struct builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		return error_set(err, ENOMEM, "cannot make hashes");
	builder->tree = tree;
	builder->tree_fd = tree_fd;
	builder->offset = offset;
	builder->root = root;
	memset(root, 0, DIGEST_BYTES); /* that of an empty file */
	if (add_file(builder, fd, err) < 0)
		return -1;
	for (unsigned int level = 0; level < tree->levels; level++)
		if (builder->levels[level].used > 0 && flush_level(builder, level, err) < 0)
			return -1;
	return 0;
}

void merkle_describe(uint64_t size, const unsigned char root[DIGEST_BYTES],
		     unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE])
{
	struct fsverity_descriptor fields = { .version = 1,
					      .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
					      .log_blocksize = LOG_BLOCK,
					      .data_size = htole64(size) };

	memcpy(fields.root_hash, root, DIGEST_BYTES);
	memcpy(descriptor, &fields, sizeof(fields));
}

bool merkle_read_descriptor(const unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE], uint64_t *size,
			    unsigned char root[DIGEST_BYTES])
{
	unsigned char again[MERKLE_DESCRIPTOR_SIZE];
	struct fsverity_descriptor fields;

	memcpy(&fields, descriptor, sizeof(fields));
	*size = le64toh(fields.data_size);
	memcpy(root, fields.root_hash, DIGEST_BYTES);
	merkle_describe(*size, root, again);
	return memcmp(descriptor, again, sizeof(again)) == 0;
}
