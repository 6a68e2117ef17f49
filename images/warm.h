/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * warm.h - decompressing what nearly every program needs first.
 *
 * While the container is being built, all CPUs but one have nothing to do, and it is known what comes
 * next: the dynamic loader and the C library.
 */
#ifndef DAVIT_WARM_H
#define DAVIT_WARM_H

#include "images/content.h"

/* Starts a thread that puts these files, as far as the image has them, into the cache and ends. It
 * keeps off `busy_cpu`, and does nothing where the process has no other. `content` must live as long as
 * the process. Whatever goes wrong, nobody will notice but by the time it takes. */
void warm_start(const struct content *content, int busy_cpu);

#endif
