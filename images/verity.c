/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verity.c - see verity.h.
 *
 * Blocks that were found good are kept themselves, and not only a mark that they were: what is read
 * once more may be something else by then. A block has one place, by its number; who needs another one
 * there takes it. To check a block once more costs one hash, since the blocks above it are mostly
 * there.
 */
#include "images/verity.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/crypto.h"
#include "images/read.h"

#ifndef VERITY_PLACES
#define VERITY_PLACES 256 /* fewer for those who test what happens then */
#endif

struct verity {
	struct image_guard guard; /* first: it is what image_read() knows */
	struct seal seal;
	pthread_mutex_t lock;
	/* By numbers: blocks of the tree as in their file, then those of the image; from 1 on. */
	uint64_t kept[VERITY_PLACES];
	unsigned char (*blocks)[MERKLE_BLOCK];
	atomic_bool is_broken, is_seal; /* the seal is to blame */
	_Atomic uint64_t where;         /* else the byte in the image */
};

/* Copies a part of a block that is known to be good. */
static bool get_kept(struct verity *verity, uint64_t number, size_t at, size_t size, void *out)
{
	bool is_kept;

	pthread_mutex_lock(&verity->lock);
	is_kept = verity->kept[number % VERITY_PLACES] == number + 1;
	if (is_kept)
		memcpy(out, verity->blocks[number % VERITY_PLACES] + at, size);
	pthread_mutex_unlock(&verity->lock);
	return is_kept;
}

static void keep(struct verity *verity, uint64_t number, const unsigned char *block)
{
	pthread_mutex_lock(&verity->lock);
	memcpy(verity->blocks[number % VERITY_PLACES], block, MERKLE_BLOCK);
	verity->kept[number % VERITY_PLACES] = number + 1;
	pthread_mutex_unlock(&verity->lock);
}

/* Notes the first that was found. */
static int blame(struct verity *verity, bool is_seal, uint64_t where)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (!atomic_load(&verity->is_broken)) {
		atomic_store(&verity->is_seal, is_seal);
		atomic_store(&verity->where, where);
		atomic_store(&verity->is_broken, true);
	}
	pthread_mutex_unlock(&lock);
	return EIO;
}

/* Returns 0, an errno, or -1 where the file ends before. */
static int read_exactly(int fd, void *buf, size_t size, uint64_t offset)
{
	ssize_t len = fd_pread_all(fd, buf, size, (off_t)offset);

	if (len < 0) {
		image_read_failed(errno);
		return errno;
	}
	return (size_t)len == size ? 0 : -1;
}

/* Finds the hash that block `index` below `level` must have: of the image, where that is 0, else of
 * the tree. Returns 0 or an errno. */
static int find_hash(struct verity *verity, unsigned int level, uint64_t index,
		     unsigned char hash[DIGEST_BYTES])
{
	const struct merkle *tree = &verity->seal.tree;
	size_t at = (size_t)(index % MERKLE_FANOUT) * DIGEST_BYTES;
	unsigned char block[MERKLE_BLOCK], is[DIGEST_BYTES], must[DIGEST_BYTES];
	uint64_t number;
	int error;

	if (level == tree->levels) {
		memcpy(hash, verity->seal.root, DIGEST_BYTES);
		return 0;
	}
	number = tree->start[level] + index / MERKLE_FANOUT;
	if (get_kept(verity, number, at, DIGEST_BYTES, hash))
		return 0;
	error = find_hash(verity, level + 1, index / MERKLE_FANOUT, must);
	if (error)
		return error;
	error = read_exactly(verity->seal.fd, block, sizeof(block),
			     SEAL_HEADER + number * MERKLE_BLOCK);
	if (error > 0)
		return error;
	if (!error && crypto_sha256(block, sizeof(block), is) < 0)
		return ENOMEM;
	if (error || memcmp(is, must, sizeof(is)) != 0)
		return blame(verity, true, 0);
	keep(verity, number, block);
	memcpy(hash, block + at, DIGEST_BYTES);
	return 0;
}

/* Whether a whole block of the image is what it was. */
static int check(struct verity *verity, uint64_t index, const unsigned char *block)
{
	unsigned char is[DIGEST_BYTES], must[DIGEST_BYTES];
	int error = find_hash(verity, 0, index, must);

	if (error)
		return error;
	if (crypto_sha256(block, MERKLE_BLOCK, is) < 0)
		return ENOMEM;
	return memcmp(is, must, sizeof(is)) == 0 ? 0 : blame(verity, false, index * MERKLE_BLOCK);
}

/* Reads blocks of the image to `buf`, which has room for the last one to be whole. */
static int read_blocks(struct verity *verity, uint64_t index, size_t count, unsigned char *buf)
{
	uint64_t offset = index * MERKLE_BLOCK;
	size_t size = count * MERKLE_BLOCK;
	int error;

	if (size > verity->seal.tree.size - offset) {
		size_t rest = (size_t)(verity->seal.tree.size - offset);

		memset(buf + rest, 0, size - rest);
		size = rest;
	}
	error = read_exactly(verity->guard.fd, buf, size, offset);
	if (error < 0)
		return blame(verity, false, offset);
	for (size_t i = 0; i < count && !error; i++)
		error = check(verity, index + i, buf + i * MERKLE_BLOCK);
	return error;
}

/* Reads a part of one block. */
static int read_part(struct verity *verity, uint64_t offset, unsigned char *out, size_t size)
{
	uint64_t index = offset / MERKLE_BLOCK, number = verity->seal.tree.blocks + index;
	size_t at = offset % MERKLE_BLOCK;
	unsigned char block[MERKLE_BLOCK];
	int error;

	if (get_kept(verity, number, at, size, out))
		return 0;
	error = read_blocks(verity, index, 1, block);
	if (error)
		return error;
	keep(verity, number, block);
	memcpy(out, block + at, size);
	return 0;
}

static ssize_t verity_read(struct image_guard *guard, void *buf, size_t size, off_t offset)
{
	struct verity *verity = (struct verity *)guard;
	uint64_t at = (uint64_t)offset;
	unsigned char *out = buf;
	int error = offset < 0 ? EINVAL : 0;

	if (!error && at >= verity->seal.tree.size)
		return 0;
	if (!error && size > verity->seal.tree.size - at)
		size = (size_t)(verity->seal.tree.size - at);
	for (size_t done = 0, step; done < size && !error; done += step, at += step) {
		size_t left = size - done;

		if (at % MERKLE_BLOCK == 0 && left >= MERKLE_BLOCK) {
			step = left - left % MERKLE_BLOCK;
			error = read_blocks(verity, at / MERKLE_BLOCK, step / MERKLE_BLOCK,
					    out + done);
		} else {
			step = MERKLE_BLOCK - at % MERKLE_BLOCK;
			if (step > left)
				step = left;
			error = read_part(verity, at, out + done, step);
		}
	}
	if (!error)
		return (ssize_t)size;
	memset(buf, 0, size); /* nothing that is not good gets out */
	errno = error;
	return -1;
}

struct verity *verity_new(int fd, const struct seal *seal, struct error *err)
{
	struct verity *verity = calloc(1, sizeof(*verity));

	if (verity)
		verity->blocks = malloc(VERITY_PLACES * sizeof(*verity->blocks));
	if (!verity || !verity->blocks) {
		free(verity);
		error_set(err, ENOMEM, "cannot check the image");
		return NULL;
	}
	verity->guard = (struct image_guard){ .fd = fd, .read = verity_read };
	verity->seal = *seal;
	pthread_mutex_init(&verity->lock, NULL);
	image_guard_add(&verity->guard);
	return verity;
}

void verity_free(struct verity *verity)
{
	if (!verity)
		return;
	image_guard_remove(&verity->guard);
	pthread_mutex_destroy(&verity->lock);
	close(verity->seal.fd);
	free(verity->blocks);
	free(verity);
}

int verity_fd(const struct verity *verity)
{
	return verity->seal.fd;
}

bool verity_is_broken(const struct verity *verity)
{
	return verity && atomic_load(&verity->is_broken);
}

void verity_describe(const struct verity *verity, char *text, size_t size)
{
	if (atomic_load(&verity->is_seal))
		snprintf(text, size, "its seal was changed");
	else
		snprintf(text, size, "it was changed at byte %ju",
			 (uintmax_t)atomic_load(&verity->where));
}
