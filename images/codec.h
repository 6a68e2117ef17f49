/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * codec.h - decompressing what lies in a squashfs.
 *
 * zstd and gzip have their own libraries where these are there, since a decompressor that is kept costs
 * nothing to begin with, and libdeflate takes half of zlib's time; for all else, libsquashfuse knows
 * the libraries.
 */
#ifndef DAVIT_CODEC_H
#define DAVIT_CODEC_H

#include <stdbool.h>
#include <stddef.h>

struct codec;

/* `compression` is the number in the superblock. */
bool codec_exists(int compression);
const char *codec_name(int compression);

/* NULL when out of memory; the compression must exist. */
struct codec *codec_new(int compression);
void codec_free(struct codec *codec);

/* Decompresses `in`, which is all of it, into `out`; *size is the room there, and afterwards what was
 * written. Returns 0 or an errno: EIO for bytes that do not make sense or make too much. Any number of
 * threads may do so at a time. */
int codec_decompress(struct codec *codec, const void *in, size_t in_size, void *out, size_t *size);

#endif
