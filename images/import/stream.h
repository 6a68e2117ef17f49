/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream.h - a layer as it is read: bytes, decompressed, as entries; digests are made by the way.
 *
 * Compressed by gzip, zstd, xz, bzip2 or not at all, which the bytes themselves tell.
 */
#ifndef DAVIT_IMPORT_STREAM_H
#define DAVIT_IMPORT_STREAM_H

#include <stdint.h>

#include "common/error.h"
#include "images/import/gunzip.h"
#include "images/import/layers.h"
#include "images/import/libarchive.h"

struct stream {
	struct archive *tar;       /* to be read */
	struct archive *bytes;     /* what is compressed, or ... */
	struct gunzip *gunzip;     /* ... NULL */
	const unsigned char *rest; /* read, and not taken yet */
	size_t rest_size;
	struct crypto_hash *stored, *unpacked;
	const struct layer *layer;
	int fd;
	unsigned int timeout;
	bool is_empty; /* no byte is in it */
	uint64_t size; /* bytes read so far */
	void (*tick)(void *data, const void *bytes, size_t size);
	void *data;
	char stored_buf[1 << 16], unpacked_buf[1 << 16];
};

/* Begins to read the layer in `fd`, which becomes the stream's. `timeout`: seconds in which a byte has to
 * come, 0: any. `tick` is shown each piece that is
 * read, as it is stored; or NULL. Returns NULL with `err` set. */
struct stream *stream_open(int fd, const struct layer *layer, unsigned int timeout,
			   void (*tick)(void *data, const void *bytes, size_t size), void *data,
			   struct error *err);

/* The next entry, the stream's own. Returns 1, 0 at the end, or -1 with `err` set. */
int stream_next(struct stream *stream, struct archive_entry **entry, struct error *err);

/* Sets `err` to why libarchive does not go on. Returns -1. */
int stream_blame(struct stream *stream, struct error *err);

/* Reads what is left, and compares size and digests. Returns 0, or -1 with `err` set. */
int stream_check(struct stream *stream, struct error *err);

/* NULL is fine. */
void stream_close(struct stream *stream);

#endif
