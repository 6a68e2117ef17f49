/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * readers.h - a few readers of one image for any number of threads.
 *
 * A reader keeps what it has decompressed of the image's tables, and serves one thread at a time. So
 * the same one is given out again and again, as long as nobody else has it; others exist only when
 * requests really meet, and then these do not wait for each other.
 */
#ifndef DAVIT_READERS_H
#define DAVIT_READERS_H

#include "common/error.h"
#include "images/image.h"
#include "images/squash.h"

#define READERS_MAX 8

struct readers;

/* Opens the first reader. `image` must live as long. NULL with `err` set on failure. */
struct readers *readers_new(const struct image *image, struct error *err);

/* None of them may be in use. */
void readers_free(struct readers *readers);

/* Waits for a reader, and opens one where that helps. Never fails. Keep it for the shortest time:
 * while answering the kernel, somebody else may need it. */
struct squash *readers_take(struct readers *readers);
void readers_give(struct readers *readers, struct squash *squash);

#endif
