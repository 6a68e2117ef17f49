/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * merkle.h - the tree of hashes over a file, as fs-verity has it.
 *
 * The file is cut into blocks of 4096 bytes, the last one filled up with zeros. Level 0 holds the
 * hashes of the blocks, 128 in each block of its own; each level above holds those of the blocks
 * below, until one block is left. The hash of that is the root. A file of one block needs no tree: its
 * hash is the root. In the tree's file the top comes first (fs/verity/open.c of Linux).
 *
 * The digest of the file is that of a descriptor with the root and the size, in 256 bytes: struct
 * fsverity_descriptor of Documentation/filesystems/fsverity.rst.
 */
#ifndef DAVIT_MERKLE_H
#define DAVIT_MERKLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/digest.h"
#include "common/error.h"

#define MERKLE_BLOCK           4096
#define MERKLE_FANOUT          (MERKLE_BLOCK / DIGEST_BYTES)
#define MERKLE_LEVELS_MAX      8
#define MERKLE_DESCRIPTOR_SIZE 256

/* The shape of a tree; in blocks, but for `size`. */
struct merkle {
	uint64_t size;                     /* of the file, in bytes */
	unsigned int levels;               /* 0: there is no tree */
	uint64_t start[MERKLE_LEVELS_MAX]; /* of each level in the tree's file */
	uint64_t blocks;                   /* of the whole tree */
};

struct merkle merkle_shape(uint64_t size);

/* Reads the file `fd`, which has tree->size bytes, and writes the tree to `tree_fd` from `offset` on;
 * with `tree_fd` -1 nowhere. Takes a fixed amount of memory. Needs crypto_open(). Returns 0 with the
 * root, or -1 with `err` set, also where the file has another size. */
int merkle_build(const struct merkle *tree, int fd, int tree_fd, off_t offset,
		 unsigned char root[DIGEST_BYTES], struct error *err);

void merkle_describe(uint64_t size, const unsigned char root[DIGEST_BYTES],
		     unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE]);

/* Reverses that. False for what merkle_describe() does not make: another algorithm or block size, a
 * salt, a signature, or what this program does not know. */
bool merkle_read_descriptor(const unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE], uint64_t *size,
			    unsigned char root[DIGEST_BYTES]);

#endif
