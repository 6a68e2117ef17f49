/* SPDX-License-Identifier: BSD-3-Clause */
/* image.h - opening an image file and telling what it is, by its content and never by its name. */
#ifndef DAVIT_IMAGE_H
#define DAVIT_IMAGE_H

#include <sys/types.h>

#include "common/error.h"

struct image {
	int fd;       /* read-only, -1 when not open */
	off_t offset; /* where the squashfs begins in the file, in bytes */
	char *path;   /* absolute, for messages */
};

#define IMAGE_INIT       \
	{                \
		.fd = -1 \
	}

/* Opens `path` as the calling user and checks that it holds a whole squashfs 4.0 whose compression
 * this build can read. Relative paths start at the working directory. Returns 0, or -1 with `err`
 * naming the reason and a remedy. Never blocks on a FIFO or a device. */
int image_open(struct image *image, const char *path, struct error *err);

void image_done(struct image *image);

#endif
