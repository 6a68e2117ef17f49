/* SPDX-License-Identifier: BSD-3-Clause */
/* image.h - opening an image and telling what it is, by its content and never by its name. */
#ifndef DAVIT_IMAGE_H
#define DAVIT_IMAGE_H

#include <sys/types.h>

#include "common/error.h"

enum image_kind {
	IMAGE_SQUASHFS, /* a squashfs in a file, alone or in a SIF */
	IMAGE_DIRECTORY,
};

struct image {
	enum image_kind kind;
	int fd;              /* the file, or the root directory; read-only, -1 when not open */
	off_t offset;        /* where the squashfs begins in the file, in bytes */
	char *path;          /* absolute, for messages: of a bundle, not of the root in it */
	char *bundle_config; /* the text of an OCI bundle's config.json, otherwise NULL */
};

#define IMAGE_INIT       \
	{                \
		.fd = -1 \
	}

/* Opens the image `name`, a path, as the calling user. It is one of
 *	a file that holds a whole squashfs 4.0 whose compression this build can read,
 *	a SIF with such a squashfs as its primary system partition,
 *	a directory that is a root and not empty,
 *	an OCI bundle: a directory whose config.json has root.path. A relative root.path may not lead
 *	out of the bundle, not by symbolic links either.
 * A leading "~" or "~/" is $HOME; all else in the name is taken as it is. Relative paths start at
 * the working directory. Returns 0, or -1 with `err` naming the reason and a remedy. Never blocks
 * on a FIFO or a device. */
int image_open(struct image *image, const char *name, struct error *err);

void image_done(struct image *image);

#endif
