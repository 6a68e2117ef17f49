/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * direct.h - the files of an image without a mount, read by the process that wants them.
 *
 * For squashfs, alone or in a SIF. Paths are those in the image, with or without a "/" in front; links are
 * followed inside the image only. An image may be hostile: whatever is in it, reading ends with bytes or an
 * error. Functions return 0 or an errno, unless they say otherwise; EIO stands for damage.
 */
#ifndef DAVIT_DIRECT_H
#define DAVIT_DIRECT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/error.h"
#include "images/blocks.h"
#include "images/files.h"
#include "images/image.h"
#include "images/squash.h"

struct direct {
	struct squash *squash;
	struct blocks *blocks; /* a few of them: not for threads */
};

/* Opens the image, which must live as long. Returns 0, or -1 with `err` set, which names the image: it is
 * damaged, or a directory. direct_close() releases `direct` in any case, if it was all zeros. */
int direct_open(struct direct *direct, const struct image *image, struct error *err);
void direct_close(struct direct *direct);

struct direct_place {
	uint64_t inode;
	char path[PATH_MAX]; /* absolute, without links in it but for the last part */
};

/* Finds a file. Where its name is a symbolic link, that is followed if `follow`. ENOENT, ENOTDIR and ELOOP
 * are as for open(2). */
int direct_find(const struct direct *direct, const char *path, bool follow,
		struct direct_place *place);

/* As pread(2) of a regular file, the length in *got: less than `size` only at its end. */
int direct_read(const struct direct *direct, uint64_t inode, off_t offset, void *buf, size_t size,
		size_t *got);

/* Moves on from `offset`, from which on *hole bytes are a hole, that is zeros that are not stored, and
 * behind these *data bytes are none. Both are 0 at the end of the file. */
int direct_stretch(const struct direct *direct, uint64_t inode, off_t offset, off_t *hole,
		   off_t *data);

/* For who reads a few files by their paths; good as long as `direct` is. */
struct image_files direct_files(const struct direct *direct);

/* Puts "image 'NAME': cannot read 'PATH'" and what is to be done about `errnum` into `err`. Returns -1. */
int direct_fail(const struct image *image, const char *path, int errnum, struct error *err);

#endif
