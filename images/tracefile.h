/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tracefile.h - the file that a trace of an image is written to: which files were read, in which order.
 *
 * It is text. The first line says which image that was:
 *
 *	davit-trace 1 bytes=N made=N inodes=N [digest=sha256:HEX]
 *
 * Each other one is a piece of a file that nobody had read before: the file's path in the image, and
 * where it has several pieces of TRACE_PIECE bytes, a tab and which of them. In a path "\\" is a
 * backslash and "\xHH" a control character. A line by itself, without a piece, stands for the whole file.
 * What is behind the last newline was not written to its end.
 */
#ifndef DAVIT_TRACEFILE_H
#define DAVIT_TRACEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/error.h"
#include "images/image.h"

#define TRACE_PIECE ((uint64_t)128 << 10)

/* What makes an image that image; from its superblock, but for the digest. */
struct trace_image {
	uint64_t bytes;
	uint32_t made, inodes;
	char digest[DIGEST_TEXT_SIZE]; /* "" where nobody asked for it */
};

struct trace_line {
	char *path; /* absolute, without "." and ".." */
	uint64_t piece;
	bool is_whole; /* no piece was named */
};

struct trace_list {
	struct trace_image image;
	struct trace_line *lines; /* in the order of the file */
	size_t count;
};

/* Tells which image that is, a squashfs. Returns 0, or -1 with `err` set. */
int trace_identify(const struct image *image, struct trace_image *identity, struct error *err);

/* Whether a trace of `a` is one of `b`, as far as both say. */
bool trace_is_same(const struct trace_image *a, const struct trace_image *b);

/* Begins the trace of `image` in the file `path`, which is replaced if it is a trace, and refused if it is
 * anything else. Whoever has it open like that holds a lock on it; where another one does, EBUSY is in
 * err->errnum. Returns a descriptor for tracefile_put(), or -1 with `err` set. */
int tracefile_create(const char *path, const struct image *image, struct error *err);

/* Adds a line; `piece` counts only where `is_whole` is false. Returns 0, or -1 with errno set. */
int tracefile_put(int fd, const char *path, uint64_t piece, bool is_whole);

/* Takes the text of a trace apart, `len` bytes and a NUL, which it changes; `path` is for messages. Returns 0, or
 * -1 with `err` set, with the number of the line if it is one. trace_list_done() frees it in each case. */
int trace_list_parse(struct trace_list *list, const char *path, char *text, size_t len,
		     struct error *err);

/* Reads the trace `path`. The rest is as above. */
int trace_list_read(struct trace_list *list, const char *path, struct error *err);
void trace_list_done(struct trace_list *list);

#endif
