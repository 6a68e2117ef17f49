/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash.h - reading a squashfs.
 *
 * Any number of threads may use a reader at a time. Inodes are those of the image, 48 bits wide.
 * Functions return 0 or an errno, unless they say otherwise; EIO stands for an image that is damaged or
 * cannot be read.
 */
#ifndef DAVIT_SQUASH_H
#define DAVIT_SQUASH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "common/error.h"
#include "images/blocks.h"

struct squash; /* a reader */

/* Reads the tables of the squashfs at `offset` of `fd`, which the reader uses but does not own. NULL
 * with `err` set on failure. */
struct squash *squash_open(int fd, off_t offset, struct error *err);
void squash_close(struct squash *squash);

uint64_t squash_root(const struct squash *squash);
size_t squash_block_size(const struct squash *squash);    /* at most 1 MiB */
uint64_t squash_size(const struct squash *squash);        /* bytes of the image, without padding */
uint32_t squash_inode_count(const struct squash *squash); /* as the image says */
const char *squash_compression(const struct squash *squash); /* "zstd" */
time_t squash_made(const struct squash *squash);             /* when */
bool squash_has_xattrs(const struct squash *squash);

/* But for the owner, which is left zero. */
int squash_stat(struct squash *squash, uint64_t inode, struct stat *st);

/* With the owner that the image says. */
int squash_stat_owned(struct squash *squash, uint64_t inode, struct stat *st);
int squash_lookup(struct squash *squash, uint64_t dir, const char *name, uint64_t *inode);
void squash_statfs(const struct squash *squash, struct statvfs *st);

/* A piece of a file: some bytes of one block of the image. */
struct squash_extent {
	uint64_t position; /* of the block in the image */
	uint32_t header;   /* how it is stored there */
	bool hole;         /* no block at all: all zeros */
	size_t offset;     /* in the block, decompressed */
	size_t size;       /* bytes, more than 0 */
	uint32_t fragment; /* which one the block is, shared by the ends of several files */
};

#define SQUASH_NO_FRAGMENT UINT32_MAX

/* Tells where the bytes from `offset` on are: up to `size` of them, in up to `max` extents. *count
 * is 0 behind the end of the file. */
int squash_locate(struct squash *squash, uint64_t inode, off_t offset, size_t size,
		  struct squash_extent *extents, size_t max, size_t *count);

/* The beginning of a fragment. EIO where there is none of that number. */
int squash_fragment(const struct squash *squash, uint32_t index, struct squash_extent *extent);

/* Moves *offset on to the first byte that is in a hole, or that is in none; the end of a file is a hole.
 * A list of very many blocks is not followed to its end: what is behind counts as no hole. ENXIO: there
 * is no such byte. */
int squash_seek(struct squash *squash, uint64_t inode, bool to_hole, off_t *offset);

/* Gets the block of `extent`, no hole, from `cache`, or from the image into it; the extent lies
 * within it. To be put back with blocks_put(). */
int squash_get_block(const struct squash *squash, struct blocks *cache,
		     const struct squash_extent *extent, const struct block **block);

/* Has the block of `extent` in `cache`, for whoever needs it later; does nothing for a hole. */
int squash_fetch_block(const struct squash *squash, struct blocks *cache,
		       const struct squash_extent *extent);

/* The target of a symbolic link, NUL-terminated, to be freed by the caller. */
int squash_readlink(struct squash *squash, uint64_t inode, char **target);

struct squash_entry {
	const char *name;
	uint64_t inode;
	uint32_t number; /* its st_ino */
	mode_t type;     /* the S_IFMT bits */
	off_t next;      /* where the walk goes on behind this entry */
};

/* Calls `each` for the entries of `dir` from `offset` on (0, or an entry's `next`) until it returns
 * false or there are no more. "." and ".." are not among them. */
int squash_readdir(struct squash *squash, uint64_t dir, off_t offset,
		   bool (*each)(const struct squash_entry *entry, void *data), void *data);

/* The st_ino of the directory that `dir` is in; of the root, some number. */
int squash_parent(struct squash *squash, uint64_t dir, uint32_t *parent);

/* As getxattr(2) and listxattr(2), the length in *len; with `size` 0 only the length.
 * "trusted" attributes are not listed. */
int squash_getxattr(struct squash *squash, uint64_t inode, const char *name, char *buf, size_t size,
		    size_t *len);
int squash_listxattr(struct squash *squash, uint64_t inode, char *buf, size_t size, size_t *len);

#endif
