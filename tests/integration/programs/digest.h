/* SPDX-License-Identifier: BSD-3-Clause */
/* digest.h - what walk.c, lists.c and storm.c have in common: how they print what they see. */
#ifndef DAVIT_TESTS_DIGEST_H
#define DAVIT_TESTS_DIGEST_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A sum over bytes, in which each and its place counts. Pieces of other sizes give another sum. */
static inline uint64_t digest(uint64_t sum, const void *data, size_t size)
{
	const char *at = data;
	uint64_t word;

	for (; size > 0; size -= size < 8 ? size : 8, at += 8) {
		word = size;
		memcpy(&word, at, size < 8 ? size : 8);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15 + size;
		sum ^= sum >> 29;
	}
	return sum;
}

/* On one line, whatever is in it. */
static inline void print_text(FILE *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c > ' ' && c < 127 && c != '\\')
			putc(c, out);
		else
			fprintf(out, "\\x%02x", c);
	}
}

static inline void print_name(FILE *out, const char *name)
{
	print_text(out, name, strlen(name));
}

#endif
