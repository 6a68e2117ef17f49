/* SPDX-License-Identifier: BSD-3-Clause */
/* spool.h - what can be read but once, or has to be decompressed, in a file without a name in TMPDIR. */
#ifndef DAVIT_IMPORT_SPOOL_H
#define DAVIT_IMPORT_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

/* Copies what is left in `from`. Returns a descriptor, or -1 with `err` set. */
int spool(int from, struct error *err);

/* Copies `size` bytes from `offset`, or with -1 all that come. Returns 0, or -1 with `err` set. */
int spool_copy(int from, int to, off_t offset, int64_t size, struct error *err);

/* Opens a file to be read at any place: where it is a plain one, itself, else decompressed into such a one. The
 * name may be that of a pipe, as /dev/stdin and /dev/fd/N. Returns a descriptor, or -1 with `err` set. */
int spool_open(const char *path, struct error *err);

/* Is it the name of an open file, as /dev/stdin, which is another one for another process? */
bool spool_is_descriptor(const char *path);

/* Would spool_open() decompress this file? Returns 0 or 1, or -1 with `err` set. */
int spool_is_compressed(int fd, struct error *err);

#endif
