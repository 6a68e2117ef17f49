/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * codec.c - see codec.h.
 *
 * The library's headers bring a config.h with names like ours; what ours says of libraries is asked
 * before.
 */
#include "images/codec.h"

#if HAVE_ZSTD
#define USE_ZSTD 1
#endif
#if HAVE_DEFLATE
#define USE_DEFLATE 1
#endif

#include <errno.h>
#include <sched.h>
#include <squashfuse/decompress.h>
#include <squashfuse/squashfs_fs.h>
#include <stdatomic.h>
#include <stdlib.h>

#if USE_ZSTD
#include <zstd.h>
#endif
#if USE_DEFLATE
#include <libdeflate.h>
#endif

#include "images/stats.h"

/* Decompressors that are kept; more exist only while more threads are at work. */
#define IDLE_MAX 16

/* A library of which a decompressor can be kept. */
struct method {
	void *(*begin)(void);
	void (*end)(void *state);
	int (*run)(void *state, const void *in, size_t in_size, void *out, size_t *size);
};

struct codec {
	const struct method *method;  /* or */
	sqfs_decompressor decompress; /* that of libsquashfuse */
	_Atomic(void *) idle[IDLE_MAX];
};

#if USE_ZSTD
static void *zstd_begin(void)
{
	return ZSTD_createDCtx();
}

static void zstd_end(void *state)
{
	(void)ZSTD_freeDCtx(state);
}

static int zstd_run(void *state, const void *in, size_t in_size, void *out, size_t *size)
{
	size_t made = ZSTD_decompressDCtx(state, out, *size, in, in_size);

	if (ZSTD_isError(made))
		return EIO;
	*size = made;
	return 0;
}

static const struct method zstd = { zstd_begin, zstd_end, zstd_run };
#endif

#if USE_DEFLATE
static void *gzip_begin(void)
{
	return libdeflate_alloc_decompressor();
}

static void gzip_end(void *state)
{
	libdeflate_free_decompressor(state);
}

static int gzip_run(void *state, const void *in, size_t in_size, void *out, size_t *size)
{
	return libdeflate_zlib_decompress(state, in, in_size, out, *size, size) ==
			       LIBDEFLATE_SUCCESS
		       ? 0
		       : EIO;
}

static const struct method gzip = { gzip_begin, gzip_end, gzip_run };
#endif

static const struct method *find_method(int compression)
{
	switch (compression) {
#if USE_ZSTD
	case ZSTD_COMPRESSION:
		return &zstd;
#endif
#if USE_DEFLATE
	case ZLIB_COMPRESSION:
		return &gzip;
#endif
	default:
		return NULL;
	}
}

bool codec_exists(int compression)
{
	return find_method(compression) || sqfs_decompressor_get(compression);
}

const char *codec_name(int compression)
{
	const char *name = sqfs_compression_name(compression);

	return name ? name : "an unknown method";
}

static void *take_idle(struct codec *codec)
{
	for (size_t i = 0; i < IDLE_MAX; i++) {
		void *state = atomic_exchange(&codec->idle[i], NULL);

		if (state)
			return state;
	}
	return NULL;
}

/* Without memory for one more, one that somebody gives back: there is always one. */
static void *take(struct codec *codec)
{
	void *state = take_idle(codec);

	if (!state)
		state = codec->method->begin();
	while (!state) {
		sched_yield();
		state = take_idle(codec);
	}
	return state;
}

struct codec *codec_new(int compression)
{
	struct codec *codec = calloc(1, sizeof(*codec));

	if (!codec)
		return NULL;
	codec->method = find_method(compression);
	codec->decompress = sqfs_decompressor_get(compression);
	if (codec->method) {
		void *first = codec->method->begin();

		if (!first) {
			free(codec);
			return NULL;
		}
		atomic_store(&codec->idle[0], first);
	}
	return codec;
}

void codec_free(struct codec *codec)
{
	if (!codec)
		return;
	for (size_t i = 0; i < IDLE_MAX; i++) {
		void *state = atomic_load(&codec->idle[i]);

		if (state)
			codec->method->end(state);
	}
	free(codec);
}

static void give(struct codec *codec, void *state)
{
	for (size_t i = 0; i < IDLE_MAX; i++) {
		void *none = NULL;

		if (atomic_compare_exchange_strong(&codec->idle[i], &none, state))
			return;
	}
	codec->method->end(state);
}

static int decompress(struct codec *codec, const void *in, size_t in_size, void *out, size_t *size)
{
	void *state;
	int error;

	/* It only reads from `in`. */
	if (!codec->method)
		return codec->decompress((void *)(uintptr_t)in, in_size, out, size) == SQFS_OK
			       ? 0
			       : EIO;
	state = take(codec);
	error = codec->method->run(state, in, in_size, out, size);
	give(codec, state);
	return error;
}

int codec_decompress(struct codec *codec, const void *in, size_t in_size, void *out, size_t *size)
{
	int error = decompress(codec, in, in_size, out, size);

	if (!error)
		stats_add(STAT_DECOMPRESSED, *size);
	return error;
}
