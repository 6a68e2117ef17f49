/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verity.h - checks what is read of an image against the tree of its seal.
 *
 * Each block of 4096 bytes is hashed after it was read into memory of this process, and compared up to
 * the root; so neither who writes to the image meanwhile nor who writes to the seal can slip anything
 * in. Blocks that were found good are kept, some 1 MiB of them: those of the tree, and those of the
 * image that reads begin or end in. Any thread may read at any time.
 */
#ifndef DAVIT_VERITY_H
#define DAVIT_VERITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "images/seal.h"

struct verity;

/* Guards the image `fd` by a seal whose digest is known to be the right one: from now on image_read()
 * of that descriptor gives what is sealed, or EIO. Takes seal->fd over. NULL with `err` set when out of
 * memory. */
struct verity *verity_new(int fd, const struct seal *seal, struct error *err);

/* NULL is fine. */
void verity_free(struct verity *verity);

/* The descriptor of the seal, which has to stay open. */
int verity_fd(const struct verity *verity);

/* Whether something was found that is not what it was when the image was sealed; NULL: false. */
bool verity_is_broken(const struct verity *verity);

/* What that is: "byte N of it", "the seal". Only where verity_is_broken(). */
void verity_describe(const struct verity *verity, char *text, size_t size);

#endif
