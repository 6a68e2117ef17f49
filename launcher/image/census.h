/* SPDX-License-Identifier: BSD-3-Clause */
/* census.h - how much of what is in an image. */
#ifndef DAVIT_IMAGE_CENSUS_H
#define DAVIT_IMAGE_CENSUS_H

#include <jansson.h>

#include "launcher/image/opened.h"

/* Goes through all of the image, and puts into `object` what is counted, and the libraries that are found.
 * Returns 0, or -1 with `err` set. */
int census_take(const struct opened *opened, json_t *object, struct error *err);

#endif
