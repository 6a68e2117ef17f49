/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gunzip.h - gzip, decompressed by ISA-L (igzip_lib.h), which takes a third of the time of zlib.
 *
 * libarchive has zlib only. So where the node has ISA-L, bytes go through this before libarchive gets them. All
 * members of what gzip(1) calls concatenated files are decompressed, the checksum of each is compared, and what
 * follows and is none of them is skipped, as libarchive does.
 */
#ifndef DAVIT_IMPORT_GUNZIP_H
#define DAVIT_IMPORT_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct gunzip;

/* Whether these are the first bytes of a gzip file. */
bool gunzip_knows(const void *data, size_t len);

/* To be freed by gunzip_free(). NULL: Davit was built without ISA-L, or it is not on this node. */
struct gunzip *gunzip_new(void);

/* Decompresses of the *len bytes at *data, which both go on, to the `size` bytes at `out`, of which there is at
 * least one. Returns how many it has made: 0 means that it wants more; -1: the bytes are no gzip, *why tells. */
ssize_t gunzip_some(struct gunzip *gunzip, const unsigned char **data, size_t *len, void *out,
		    size_t size, const char **why);

/* Whether there may be nothing more: a member is complete. */
bool gunzip_is_complete(const struct gunzip *gunzip);

/* NULL is fine. */
void gunzip_free(struct gunzip *gunzip);

#endif
