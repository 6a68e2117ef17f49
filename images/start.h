/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.h - the front part of an image that a program reads when it starts, read before it asks.
 *
 * `davit image optimise` puts these files first, and tells behind the squashfs how far they reach: in what
 * fills the last 4 KiB, which nobody else looks at. The image server then has the file system of the image
 * bring that part in a few large reads, one behind the other, while the container is still being built. What
 * is read is dropped: it is the kernel that keeps it.
 */
#ifndef DAVIT_START_H
#define DAVIT_START_H

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define START_MAX ((uint64_t)256 << 20) /* bytes of it that are read beforehand */

/* Notes in the squashfs in `fd` that what is read at the start ends at `end`, of `used` bytes in all; the file
 * may get longer by 4 KiB. Returns 0, or -1 with `err` set. */
int start_write(int fd, uint64_t used, uint64_t end, struct error *err);

/* What was noted in a squashfs of `used` bytes at `offset` of `fd`; 0 where nothing was. */
uint64_t start_read(int fd, off_t offset, uint64_t used);

/* Starts a thread that has the kernel read it: first the tables, which begin at `tables`, then the files. It
 * keeps to plain reads of `fd` at and behind `offset`, and ends by itself. Does nothing for an image where
 * nothing was noted, and whatever goes wrong, nobody will notice but by the time it takes. */
void start_fetch(int fd, off_t offset, uint64_t tables, uint64_t used);

#endif
