/* SPDX-License-Identifier: BSD-3-Clause */
/* opened.h - an image that a command reads without a mount, and how the command tells names in it. */
#ifndef DAVIT_IMAGE_OPENED_H
#define DAVIT_IMAGE_OPENED_H

#include <stdbool.h>

#include "common/error.h"
#include "images/direct.h"
#include "images/files.h"
#include "images/image.h"

struct opened {
	struct image image;
	struct direct direct; /* all zeros: the image is a directory */
};

#define OPENED_INIT                 \
	{                           \
		.image = IMAGE_INIT \
	}

/* Opens the image `name`, which is no directory. Returns 0, or -1 with `err` set. */
int opened_open(struct opened *opened, const char *name, struct error *err);

/* The same for an image that may be a directory. */
int opened_open_any(struct opened *opened, const char *name, struct error *err);

/* The way to its files. */
struct image_files opened_files(const struct opened *opened);

void opened_done(struct opened *opened);

/* Finds `path` in it; see direct_find(). Returns 0, or -1 with `err` set. */
int opened_find(const struct opened *opened, const char *path, bool follow,
		struct direct_place *place, struct error *err);

/* Writes a name to standard output: in quotes, if there is need, where that is a terminal or `is_quoted`,
 * and else as it is. */
void print_name(const char *name, bool is_quoted);

#endif
