/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seal.h - the file IMAGE.verity: a detached tree of hashes, for file systems without fs-verity.
 *
 *	0	"davitseal"		magic, 16 bytes with the NULs behind it
 *	16	01 00 00 00		version
 *	64	descriptor		256 bytes, see merkle.h
 *	4096	tree			see merkle.h
 *
 * All else is zero. The digest of the descriptor is that of the image, so nothing in a seal has to be
 * believed by who knows that digest.
 */
#ifndef DAVIT_SEAL_H
#define DAVIT_SEAL_H

#include "common/digest.h"
#include "common/error.h"
#include "images/merkle.h"

#define SEAL_SUFFIX ".verity"
#define SEAL_HEADER MERKLE_BLOCK /* bytes in front of the tree */

struct seal {
	int fd;
	struct merkle tree;
	unsigned char root[DIGEST_BYTES];
	char digest[DIGEST_TEXT_SIZE];
};

/* Reads the header of the seal in `fd`, which must be one of a file of `size` bytes and be as long as
 * that takes. Takes `fd` over if it succeeds. Needs crypto_open(). Returns 0, or -1 with `err` set; the
 * caller puts the seal's name in front. */
int seal_read(struct seal *seal, int fd, uint64_t size, struct error *err);

/* Writes the seal of the file `fd` to the empty file `out`, and its digest to `digest`. The file must
 * not change meanwhile. */
int seal_write(int fd, int out, char digest[DIGEST_TEXT_SIZE], struct error *err);

/* The digest alone, by reading the whole file. */
int seal_compute(int fd, char digest[DIGEST_TEXT_SIZE], struct error *err);

#endif
