/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is tests/fuzz/fuzz_NAME.c. A line in it says what it is linked with:
 *	link: SOURCE... -lLIBRARY... -IDIRECTORY...
 * tests/fuzz/run builds and runs them; inputs to start from are in tests/fuzz/seeds/NAME. What must
 * hold for any input is said with abort(), which assert() does even where NDEBUG is set.
 */
#ifndef DAVIT_TESTS_FUZZ_H
#define DAVIT_TESTS_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a string of its own block of memory, so that the sanitizer sees a byte read too many;
 * it ends at its first NUL. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A result of 0 says nothing, one of -1 says why, without a control character. */
static inline void fuzz_check_error(int result, const struct error *err)
{
	assert(result == 0 || result == -1);
	assert((result == 0) == !err->cause[0]);
	for (const char *c = err->cause; *c; c++)
		assert((unsigned char)*c >= ' ' && *c != 127);
	for (const char *c = err->remedy; *c; c++)
		assert((unsigned char)*c >= ' ' && *c != 127);
}

#endif
