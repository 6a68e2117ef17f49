/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_signatures.c - any bytes as a file of signatures.
 *
 * There is one text for each set of signatures: what is accepted is what would be written.
 */
/* link: images/beside.c images/crypto.c images/sign.c common/digest.c common/error.c common/fd.c -ldl */
#include "tests/fuzz/fuzz.h"

#include "images/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signatures signatures = { .count = 0 };
	struct error err = ERROR_INIT;
	char *copy = malloc(size + 1), *again;
	int result;

	assert(copy);
	if (size > 0)
		memcpy(copy, data, size);
	result = signatures_parse(&signatures, copy, size, &err);
	fuzz_check_error(result, &err);
	if (result == 0) {
		assert(signatures.count > 0 && signatures.count <= SIGN_COUNT_MAX);
		again = signatures_text(&signatures);
		assert(again && strlen(again) == size && memcmp(again, copy, size) == 0);
		free(again);
	}
	free(copy);
	return 0;
}
