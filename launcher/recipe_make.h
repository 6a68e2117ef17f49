/* SPDX-License-Identifier: BSD-3-Clause */
/* recipe_make.h - the recipe of a container. */
#ifndef DAVIT_RECIPE_MAKE_H
#define DAVIT_RECIPE_MAKE_H

#include <stdbool.h>

#include "common/error.h"
#include "images/image.h"
#include "launcher/container.h"

/* Makes and packs the recipe (recipe.h) for the ranks of `container`, inside it, from what the image
 * says, davit.conf and the settings. Returns its descriptor, or -1 with `err` set. */
int recipe_make(const struct container *container, const struct image *image, bool guarded,
		struct error *err);

#endif
