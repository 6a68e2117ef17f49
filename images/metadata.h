/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metadata.h - the tables of a squashfs: bytes at a place in them. squash*.c only.
 *
 * Inodes, directories and the like are stored in blocks of 8 KiB, which are compressed one by one. A
 * place in them is where a block begins in the image, and an offset in what it decompresses to.
 *
 * No lock is taken: a block is decompressed by whoever needs it first, and published by one atomic
 * operation; it stays as long as the image. When METADATA_BLOCKS_MAX are there, which only images of a
 * million files reach, further ones are decompressed again whenever a cursor comes by.
 *
 * Nothing in an image is believed. Functions return 0 or an errno; EIO stands for damage.
 */
#ifndef DAVIT_METADATA_H
#define DAVIT_METADATA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define METADATA_SIZE	    8192 /* bytes of a block, decompressed */
#define METADATA_BLOCKS_MAX 8192 /* that are kept: 64 MiB */

struct codec;

struct metadata_block {
	uint64_t position; /* in the image */
	uint64_t next;	   /* where the one behind it begins */
	size_t size;
	unsigned char data[METADATA_SIZE];
};

struct metadata; /* the blocks of an image */

/* Of the squashfs at `offset` of `fd`, which has `size` bytes. NULL when out of memory. */
struct metadata *metadata_new(int fd, off_t offset, uint64_t size, struct codec *codec);
void metadata_free(struct metadata *metadata);

/* The bytes of an image as they are stored, for whoever knows what they are. */
int metadata_read_raw(const struct metadata *metadata, uint64_t position, void *buf, size_t size);

/* A place that moves on as is read from it. It is big: for the stack, and not to be copied. */
struct cursor {
	struct metadata *metadata;
	uint64_t position; /* of the block */
	size_t offset;	   /* in it */
	uint64_t end;	   /* no block may begin here or later */
	const struct metadata_block *block; /* the one at `position`, or NULL */
	struct metadata_block own;	    /* for a block that nobody keeps */
};

/* Begins at `offset` of the block at `position`. */
void cursor_set(struct cursor *cursor, struct metadata *metadata, uint64_t position, size_t offset,
		uint64_t end);

/* Goes elsewhere in the same table, to a place that was the cursor's once. */
void cursor_move(struct cursor *cursor, uint64_t position, size_t offset);

/* Moves on by `size` bytes, which go to `buf` unless that is NULL. */
int cursor_read(struct cursor *cursor, void *buf, size_t size);

/* A table of elements of one size, in blocks that are listed elsewhere. */
struct table {
	uint64_t *blocks; /* positions */
	size_t count;	  /* elements */
	size_t each;	  /* bytes, a power of two */
};

/* Reads the list, which begins at `start`. What is in there must be checked before: `count` elements
 * are not too many. */
int table_open(struct table *table, const struct metadata *metadata, uint64_t start, size_t count,
	       size_t each);
void table_close(struct table *table);
int table_get(const struct table *table, struct metadata *metadata, size_t index, void *element);

#endif
