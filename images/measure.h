/* SPDX-License-Identifier: BSD-3-Clause */
/* measure.h - how image_open_required() makes sure of an image; see also image_measure() in image.h. */
#ifndef DAVIT_MEASURE_H
#define DAVIT_MEASURE_H

#include "images/image.h"

/* For an image of which nothing but the descriptor and the path is set: finds its digest, compares it
 * with what is required, and sees to it that each read is checked from now on. Returns 0, or -1 with
 * `err` set. */
int image_prove(struct image *image, const struct image_require *require, struct error *err);

/* Whether anything is required. */
bool image_requires(const struct image_require *require);

/* Where something was found that is not what the digest says, puts that into `err`, which holds a
 * vaguer reason, and returns true. */
bool image_blame(const struct image *image, struct error *err);

#endif
