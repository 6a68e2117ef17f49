/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * beside.h - files that belong to an image and lie in the same directory: IMAGE.verity, IMAGE.sig.
 *
 * They are beside the file itself: where the image was named by a symbolic link, beside what that
 * leads to.
 */
#ifndef DAVIT_BESIDE_H
#define DAVIT_BESIDE_H

#include <stddef.h>

#include <stdbool.h>

#include "common/error.h"

/* The path of the file beside the open image `fd`; to be freed. NULL with `err` set, also where the
 * image has no name any more or another file has taken it. */
char *beside_path(int fd, const char *suffix, struct error *err);

/* Opens `path`, a regular file and no symbolic link, for reading. Never blocks. Returns it, or -1 with
 * `err` set; err->errnum is ENOENT where there is none. */
int beside_open(const char *path, struct error *err);

/* Whether there is something of that name, usable or not. */
bool beside_exists(int fd, const char *suffix);

#endif
