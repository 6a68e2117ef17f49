/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_gunzip.c - any bytes as a layer in gzip.
 *
 * The first byte chooses how large the pieces are. It must end, and write no more than there is room. Needs
 * images/import/gunzip.c, common/error.c, libisal-dev and libisal2.
 */
/* link: images/import/gunzip.c common/error.c -ldl */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "images/import/gunzip.h"

#define MADE_MAX ((size_t)4 << 20) /* bytes: more says nothing new */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its own, so that a byte more is seen. Returns whether it goes on. */
static bool feed(struct gunzip *gunzip, const uint8_t *data, size_t len, size_t room, size_t *made)
{
	unsigned char *copy = malloc(len), *out = malloc(room);
	const unsigned char *at = copy;
	const char *why = NULL;
	ssize_t n = 1;

	if (!copy || !out)
		abort();
	memcpy(copy, data, len);
	while (n > 0 || (n == 0 && len > 0)) {
		n = gunzip_some(gunzip, &at, &len, out, room, &why);
		*made += n > 0 ? (size_t)n : 0;
		if (n < 0 && !why)
			abort();
		if (*made > MADE_MAX)
			n = -1;
	}
	free(copy);
	free(out);
	return n == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gunzip *gunzip = size > 1 ? gunzip_new() : NULL;
	size_t piece, made = 0;

	if (!gunzip)
		return 0;
	piece = data[0] + 1u;
	for (size_t at = 1; at < size; at += piece)
		if (!feed(gunzip, data + at, piece < size - at ? piece : size - at, 16 * piece,
			  &made))
			break;
	gunzip_free(gunzip);
	return 0;
}
