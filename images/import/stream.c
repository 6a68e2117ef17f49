/* SPDX-License-Identifier: BSD-3-Clause */
/* stream.c - see stream.h. */
#include "images/import/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/fd.h"
#include "images/crypto.h"

/* libarchive's callbacks: the bytes that are stored ... */
static la_ssize_t read_stored(struct archive *archive, void *data, const void **buf)
{
	struct stream *stream = data;
	struct pollfd pending = { .fd = stream->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&pending, 1, stream->timeout ? (int)stream->timeout * 1000 : -1) == 0) {
		archive_set_error(archive, ETIMEDOUT, "nothing more came for %u seconds",
				  stream->timeout);
		return -1;
	}
	do
		n = read(stream->fd, stream->stored_buf, sizeof(stream->stored_buf));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		archive_set_error(archive, errno, "cannot read it");
		return -1;
	}
	if (stream->stored && crypto_hash_add(stream->stored, stream->stored_buf, (size_t)n) < 0)
		return -1;
	stream->size += (uint64_t)n;
	if (stream->layer->size >= 0 && stream->size > (uint64_t)stream->layer->size) {
		archive_set_error(archive, EFBIG, "it is longer than its manifest says");
		return -1;
	}
	if (stream->tick)
		stream->tick(stream->data, stream->stored_buf, (size_t)n);
	*buf = stream->stored_buf;
	return n;
}

/* The first bytes have been looked at. */
static la_ssize_t read_first(struct archive *archive, void *data, const void **buf)
{
	struct stream *stream = data;
	la_ssize_t n = (la_ssize_t)stream->rest_size;

	*buf = stream->rest;
	stream->rest_size = 0;
	return n > 0 ? n : read_stored(archive, data, buf);
}

static la_ssize_t unzip(struct archive *archive, struct stream *stream)
{
	const char *why = NULL;
	const void *buf;
	ssize_t n;

	while ((n = gunzip_some(stream->gunzip, &stream->rest, &stream->rest_size,
				stream->unpacked_buf, sizeof(stream->unpacked_buf), &why)) == 0) {
		if (stream->rest_size > 0)
			continue;
		n = read_stored(archive, stream, &buf);
		if (n < 0)
			return n;
		if (n == 0 && gunzip_is_complete(stream->gunzip))
			return 0;
		if (n == 0) {
			why = "its gzip data end too early";
			break;
		}
		stream->rest = buf;
		stream->rest_size = (size_t)n;
	}
	if (why)
		archive_set_error(archive, EINVAL, "%s", why);
	return why ? -1 : n;
}

/* ... and what they are, decompressed. */
static la_ssize_t read_unpacked(struct archive *archive, void *data, const void **buf)
{
	struct stream *stream = data;
	la_ssize_t n = stream->is_empty ? 0
		       : stream->gunzip ? unzip(archive, stream)
					: archive_read_data(stream->bytes, stream->unpacked_buf,
							    sizeof(stream->unpacked_buf));

	if (n < 0 && stream->gunzip)
		return -1;
	if (n < 0) {
		archive_set_error(archive, archive_errno(stream->bytes), "%s",
				  archive_error_string(stream->bytes) ?: "cannot decompress it");
		return -1;
	}
	if (stream->unpacked &&
	    crypto_hash_add(stream->unpacked, stream->unpacked_buf, (size_t)n) < 0)
		return -1;
	*buf = stream->unpacked_buf;
	return n;
}

int stream_blame(struct stream *stream, struct error *err)
{
	return libarchive_fail(stream->tar, err);
}

static int open_bytes(struct stream *stream, struct error *err)
{
	struct archive *bytes = stream->bytes;
	struct archive_entry *entry;
	const void *first;
	la_ssize_t n = read_stored(bytes, stream, &first);
	int result;

	if (n < 0)
		return libarchive_fail(bytes, err);
	stream->rest = first;
	stream->rest_size = (size_t)n;
	if (gunzip_knows(first, (size_t)n) && (stream->gunzip = gunzip_new()))
		return 0;
	libarchive_read_bytes(bytes);
	if (archive_read_open(bytes, stream, NULL, read_first, NULL) != ARCHIVE_OK)
		return libarchive_fail(bytes, err);
	result = archive_read_next_header(bytes, &entry);
	stream->is_empty = result == ARCHIVE_EOF;
	return result == ARCHIVE_OK || stream->is_empty ? 0 : libarchive_fail(bytes, err);
}

struct stream *stream_open(int fd, const struct layer *layer, unsigned int timeout,
			   void (*tick)(void *data, const void *bytes, size_t size), void *data,
			   struct error *err)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		close(fd);
		error_set(err, ENOMEM, "cannot read it");
		return NULL;
	}
	fd_widen_pipe(fd);
	*stream = (struct stream){
		.fd = fd, .layer = layer, .timeout = timeout, .tick = tick, .data = data
	};
	stream->bytes = archive_read_new();
	stream->tar = archive_read_new();
	stream->stored = layer->digest ? crypto_hash_new() : NULL;
	stream->unpacked = layer->diff_id ? crypto_hash_new() : NULL;
	if (!stream->bytes || !stream->tar || (layer->digest && !stream->stored) ||
	    (layer->diff_id && !stream->unpacked)) {
		error_set(err, ENOMEM, "cannot read it");
		stream_close(stream);
		return NULL;
	}
	(void)archive_read_support_format_tar(stream->tar);
	(void)archive_read_support_format_empty(stream->tar);
	if (open_bytes(stream, err) < 0 ||
	    (archive_read_open(stream->tar, stream, NULL, read_unpacked, NULL) != ARCHIVE_OK &&
	     stream_blame(stream, err) < 0)) {
		stream_close(stream);
		return NULL;
	}
	return stream;
}

int stream_next(struct stream *stream, struct archive_entry **entry, struct error *err)
{
	int result = archive_read_next_header(stream->tar, entry);

	if (result == ARCHIVE_EOF)
		return 0;
	/* A warning is that a name is no ASCII. ARCHIVE_RETRY would go on behind a damaged header. */
	return result == ARCHIVE_OK || result == ARCHIVE_WARN ? 1 : stream_blame(stream, err);
}

static int compare(struct crypto_hash *hash, const char *wanted, const char *what,
		   struct error *err)
{
	unsigned char bytes[DIGEST_BYTES];
	char text[DIGEST_TEXT_SIZE];

	if (crypto_hash_end(hash, bytes) < 0)
		return error_set(err, ENOMEM, "cannot check it");
	digest_format(bytes, text);
	if (strcmp(text, wanted) == 0)
		return 0;
	error_set(err, 0, "%s has the digest %s, not %s", what, text, wanted);
	return error_remedy(err, "get it again: it was damaged, or changed by somebody");
}

int stream_check(struct stream *stream, struct error *err)
{
	const void *buf;
	la_ssize_t n;

	do
		n = read_unpacked(stream->tar, stream, &buf);
	while (n > 0);
	if (n < 0)
		return stream_blame(stream, err);
	/* Behind the end of what is compressed. */
	do
		n = read_stored(stream->tar, stream, &buf);
	while (n > 0);
	if (n < 0)
		return stream_blame(stream, err);
	if (stream->layer->size >= 0 && stream->size != (uint64_t)stream->layer->size)
		return error_set(err, 0, "it has %ju bytes, its manifest says %jd",
				 (uintmax_t)stream->size, (intmax_t)stream->layer->size);
	if (stream->stored && compare(stream->stored, stream->layer->digest, "the blob", err) < 0)
		return -1;
	return stream->unpacked ? compare(stream->unpacked, stream->layer->diff_id, "the tar", err)
				: 0;
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	if (stream->tar)
		(void)archive_read_free(stream->tar);
	if (stream->bytes)
		(void)archive_read_free(stream->bytes);
	gunzip_free(stream->gunzip);
	crypto_hash_free(stream->stored);
	crypto_hash_free(stream->unpacked);
	close(stream->fd);
	free(stream);
}
