/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash.h - reading a squashfs, over libsquashfuse.
 *
 * A reader belongs to one thread: libsquashfuse 0.1.105 has caches without locks. Inodes are those
 * of the image, 48 bits wide. Functions return 0 or an errno, unless they say otherwise; EIO stands
 * for an image that is damaged or cannot be read.
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

/* `compression` is the number in the superblock. */
bool squash_can_read(int compression);
const char *squash_compression_name(int compression);

/* Reads the tables of the squashfs at `offset` of `fd`, which the reader uses but does not own, as
 * it does the cache `blocks`. NULL with `err` set on failure. */
struct squash *squash_open(int fd, off_t offset, struct blocks *blocks, struct error *err);
void squash_close(struct squash *squash);

uint64_t squash_root(struct squash *squash);
bool squash_has_xattrs(struct squash *squash);
int squash_stat(struct squash *squash, uint64_t inode, struct stat *st);
int squash_lookup(struct squash *squash, uint64_t dir, const char *name, uint64_t *inode);
void squash_statfs(struct squash *squash, struct statvfs *st);

/* Reads up to `size` bytes at `offset`; *got is less at the end of the file only. */
int squash_read(struct squash *squash, uint64_t inode, off_t offset, size_t size, void *buf,
		size_t *got);

/* The target of a symbolic link, NUL-terminated, to be freed by the caller. */
int squash_readlink(struct squash *squash, uint64_t inode, char **target);

struct squash_entry {
	const char *name;
	uint64_t inode;
	mode_t type; /* the S_IFMT bits */
	off_t next;  /* where the walk goes on behind this entry */
};

/* Calls `each` for the entries of `dir` from `offset` on (0, or an entry's `next`) until it returns
 * false or there are no more. "." and ".." are not among them. */
int squash_readdir(struct squash *squash, uint64_t dir, off_t offset,
		   bool (*each)(const struct squash_entry *entry, void *data), void *data);

/* As getxattr(2) and listxattr(2), the length in *len; with `size` 0 only the length. */
int squash_getxattr(struct squash *squash, uint64_t inode, const char *name, char *buf,
		    size_t size, size_t *len);
int squash_listxattr(struct squash *squash, uint64_t inode, char *buf, size_t size, size_t *len);

#endif
