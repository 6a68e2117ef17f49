/* SPDX-License-Identifier: BSD-3-Clause */
/* says.h - what an image says about itself, as JSON and as YAML. */
#ifndef DAVIT_IMAGE_SAYS_H
#define DAVIT_IMAGE_SAYS_H

#include <jansson.h>

#include "common/error.h"
#include "images/files.h"
#include "images/image.h"

/* What it is, its configuration, and what it asks for. NULL with `err` set, also where the image asks for
 * something that nobody understands. */
json_t *says_collect(const struct image *image, const struct image_files *files, struct error *err);

/* Writes an object of texts, numbers, and lists of texts and of flat objects as YAML to standard output. */
void says_print(const json_t *object);

#endif
