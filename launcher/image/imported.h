/* SPDX-License-Identifier: BSD-3-Clause */
/* imported.h - what the commands on the import cache share. */
#ifndef DAVIT_IMAGE_IMPORTED_H
#define DAVIT_IMAGE_IMPORTED_H

#include <stdint.h>

#include "launcher/conf/conf.h"
#include "launcher/imports/cache.h"

/* Opens the user's cache. Returns 0, or -1 with `err` set; both are to be released in each case. */
int imported_open(struct import_cache *cache, struct conf *conf, struct error *err);

#define IMPORTED_SIZE_MAX 32

/* A size for people. Returns `text`. */
const char *imported_size(uint64_t size, char text[IMPORTED_SIZE_MAX]);

#endif
