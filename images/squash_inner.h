/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_inner.h - what the files of the reader share: squash*.c only, which alone know libsquashfuse.
 *
 * The library believes an image. It checks no position, count or size: what lies in wait is at the head
 * of squash_bounds.c. So nothing of an image reaches it that has not been looked at here, and its
 * functions that cannot be fenced in are not called at all.
 *
 * The library's headers bring a config.h with names like ours, so ours stays out of these files.
 */
#ifndef DAVIT_SQUASH_INNER_H
#define DAVIT_SQUASH_INNER_H

#include "images/squash.h"

#include <squashfuse/squashfuse.h>

#define FILE_MAPS      8     /* files whose lists of blocks a reader knows its way in */
#define FILE_MARKS_MAX 1024  /* places in each of them */
#define NAME_ROOM      65537 /* what the library may write for a name, whatever its size should be */

/* Places in a file's list of blocks, as far as somebody has come: one behind every `stride` blocks. */
struct file_map {
	uint64_t inode;
	size_t stride, count;
	sqfs_blocklist *marks;
};

struct squash {
	sqfs fs;
	struct file_map maps[FILE_MAPS];
	size_t next_map; /* which one is given up next */
	char name[NAME_ROOM];
};

/* A superblock, as stored, whose counts and positions are possible. Returns 0, or -1 with `err` set. */
int bounds_check_superblock(const struct squashfs_super_block *stored, struct error *err);

/* The same for the head of the table of extended attributes. */
int bounds_check_xattrs(const struct squashfs_super_block *stored,
			const struct squashfs_xattr_id_table *head, struct error *err);

/* Whether the library may go on to read at `cursor`. Must be asked each time before it does: a block
 * may have left its cache, and its file may have changed. Returns 0 or EIO. */
int bounds_check(struct squash *squash, const sqfs_md_cursor *cursor);

/* Checked reading at a cursor, which moves on. Returns 0 or EIO. */
int bounds_read(struct squash *squash, sqfs_md_cursor *cursor, void *buf, size_t size);

/* Element `index` of a table of `count`. Returns 0 or EIO. */
int bounds_get(struct squash *squash, sqfs_table *table, size_t count, size_t index, void *buf);

/* An inode, the sizes in which are possible. Returns 0 or EIO. */
int bounds_get_inode(struct squash *squash, uint64_t number, sqfs_inode *inode);

void file_maps_done(struct squash *squash);

#endif
