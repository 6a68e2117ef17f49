/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squash_inner.h - what the files of the reader share: squash*.c only.
 *
 * Only numbers that have been checked get into these structures; what comes from the image later is
 * checked where it is read.
 */
#ifndef DAVIT_SQUASH_INNER_H
#define DAVIT_SQUASH_INNER_H

#include <pthread.h>

/* Otherwise it defines types of <linux/types.h> by itself. */
#define HAVE_LINUX_TYPES_LE16 1
#include <squashfuse/squashfs_fs.h>

#include "images/metadata.h"
#include "images/squash.h"

#define FILE_MAPS 8 /* files whose lists of blocks a reader knows its way in */

/* Places in a file's list of blocks, as far as somebody has come: one behind each stretch of a length
 * that follows from how long the list is. */
struct file_map {
	uint64_t inode;
	size_t count;
	struct file_mark *marks;
};

struct squash {
	/* Of the superblock: */
	uint64_t root, size;
	uint64_t inodes,
		directories; /* where the tables begin; that of inodes ends with the other */
	uint32_t inode_count, block_size;
	bool has_xattrs;
	int compression;
	uint32_t made; /* when: seconds since 1970 */

	struct codec *codec;
	struct metadata *metadata;
	struct table fragments, xattrs;
	uint64_t xattr_start; /* where the lists of attributes are */
	uint64_t ids_start;   /* where the table of owners is */
	size_t id_count;

	pthread_mutex_t lock; /* for what follows */
	struct table ids;     /* from the first question for an owner on */
	/* Of files of 2048 blocks and more: */
	struct file_map maps[FILE_MAPS];
	size_t next_map; /* which one is given up next */
};

/* What an inode says, whatever the form it is stored in. */
struct inode {
	mode_t mode;
	uint16_t uid, gid;                   /* which ones in the table of owners */
	uint32_t number, links, time, xattr; /* xattr: SQUASHFS_INVALID_XATTR for none */
	uint64_t size;                       /* of a file, of a list of names, of a link's target */
	union {
		struct {
			uint64_t start,
				holes; /* where the first block is; bytes that are not stored */
			uint32_t fragment, fragment_offset; /* SQUASHFS_INVALID_FRAG for none */
		} file;
		struct {
			uint32_t parent;        /* its number */
			uint32_t block, offset; /* of the list, in the table of directories */
			size_t index_count;
		} dir;
		dev_t device;
	};
};

/* Reads an inode; the cursor, which need not be set, is then at what follows it. Returns 0 or EIO. */
int inode_read(struct squash *squash, uint64_t number, struct inode *inode, struct cursor *cursor);

void file_maps_done(struct squash *squash);

#endif
