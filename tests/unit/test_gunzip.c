/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gunzip.c - what gzip(1) makes, in pieces of every size, and what is no gzip. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/import/gunzip.h"
#include "tests/unit/unit.h"

#if HAVE_ISAL
#define ZIPPED   8192
#define UNZIPPED (256 << 10)

static unsigned char zipped[ZIPPED], unzipped[UNZIPPED];
static size_t zipped_size;
static const char *why;

/* What the shell's command prints. */
static void zip(const char *command)
{
	FILE *pipe = popen(command, "r");

	assert_non_null(pipe);
	zipped_size = fread(zipped, 1, sizeof(zipped), pipe);
	assert_int_equal(pclose(pipe), 0);
	assert_in_range(zipped_size, 1, sizeof(zipped) - 1);
}

/* All of it in pieces of `in` bytes that come, and of `out` that go. Returns how many came out, -1: it is no gzip, or
 * -2: it is not complete. */
static ssize_t unzip(size_t in, size_t out)
{
	struct gunzip *gunzip = gunzip_new();
	const unsigned char *data = zipped;
	size_t given = 0, len = 0, made = 0;
	ssize_t n;

	assert_non_null(gunzip);
	for (;;) {
		n = gunzip_some(gunzip, &data, &len, unzipped + made, out, &why);
		if (n > 0)
			made += (size_t)n;
		if (n < 0 || (n == 0 && len == 0 && given == zipped_size))
			break;
		assert_true(made + out <= sizeof(unzipped));
		if (len > 0 || n > 0)
			continue;
		data = zipped + given;
		len = in < zipped_size - given ? in : zipped_size - given;
		given += len;
	}
	if (n == 0)
		n = gunzip_is_complete(gunzip) ? (ssize_t)made : -2;
	gunzip_free(gunzip);
	return n;
}

static void test_pieces(void **state)
{
	(void)state;
	zip("seq 2000 | gzip");
	for (size_t in = 1; in <= zipped_size; in += in < 40 ? 1 : 97)
		for (size_t out = 1; out < 3000; out = out * 5 + 2) {
			assert_int_equal(unzip(in, out), 8893);
			assert_memory_equal(unzipped, "1\n2\n3\n", 6);
			assert_memory_equal(unzipped + 8893 - 10, "1999\n2000\n", 10);
		}
}

/* As `cat a.gz b.gz' makes it; empty ones, too. */
static void test_members(void **state)
{
	(void)state;
	zip("for i in one '' two; do printf %s $i | gzip -n; done");
	for (size_t in = 1; in <= zipped_size; in++) {
		assert_int_equal(unzip(in, 4), 6);
		assert_memory_equal(unzipped, "onetwo", 6);
	}
	zip("printf '' | gzip");
	assert_int_equal(unzip(7, 1), 0);
}

/* Zeros of a tape, or of who copies by blocks; a header with a name. */
static void test_more(void **state)
{
	(void)state;
	zip("printf text | gzip; head -c 600 /dev/zero");
	for (size_t in = 1; in <= 40; in++)
		assert_int_equal(unzip(in, 3), 4);
	zip("t=$(mktemp) && echo 12 >$t && gzip -c $t; rm $t");
	for (size_t in = 1; in <= zipped_size; in++)
		assert_int_equal(unzip(in, 64), 3);
	zip("head -c 200000 /dev/zero | gzip");
	assert_int_equal(unzip(zipped_size, 1000), 200000);
}

static void test_damaged(void **state)
{
	size_t size;

	(void)state;
	zip("seq 2000 | gzip -n");
	zipped[zipped_size - 6] ^= 1;
	assert_int_equal(unzip(100, 100), -1);
	assert_string_equal(why, "its checksum is not that of its data");
	zip("seq 2000 | gzip -n");
	size = zipped_size;
	for (zipped_size = 1; zipped_size < size; zipped_size += 61)
		assert_int_equal(unzip(100, 100), -2);
	zipped_size = size;
	zipped[2] = 7; /* no method */
	assert_int_equal(unzip(100, 100), -1);
	assert_string_equal(why, "its gzip data are damaged");
	/* Each byte changed: it ends, and says no more than there is. */
	zip("seq 300 | gzip -n");
	for (size_t i = 0; i < zipped_size; i++) {
		zipped[i] ^= 0x55;
		(void)unzip(64, 512);
		zipped[i] ^= 0x55;
	}
	assert_int_equal(unzip(64, 512), 1092);
}
#endif

static void test_known(void **state)
{
	(void)state;
	assert_true(gunzip_knows("\x1f\x8b\x08", 3));
	assert_false(gunzip_knows("\x1f\x8b", 1));
	assert_false(gunzip_knows("\x28\xb5\x2f\xfd", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if HAVE_ISAL
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_damaged),
#endif
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
