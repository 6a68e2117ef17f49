/* SPDX-License-Identifier: BSD-3-Clause */
/* test_devicespec.c - lists of numbers, and names of devices. */
#include "common/devicespec.h"

#include <stdio.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

static void check_numbers(const char *text, const char *expected)
{
	struct error err = ERROR_INIT;
	struct numbers numbers;
	char got[256] = "";

	assert_int_equal(numbers_parse(&numbers, text, &err), 0);
	for (size_t i = 0; i < numbers.count; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u", got[0] ? "," : "",
			 numbers.items[i]);
	assert_string_equal(got, expected);
	numbers_done(&numbers);
}

static void lists_of_numbers(void **state)
{
	struct error err = ERROR_INIT;
	struct numbers numbers;

	(void)state;
	check_numbers("0", "0");
	check_numbers("0,2-3", "0,2,3");
	check_numbers("3,1-2,2,3-3", "1,2,3");
	check_numbers("007", "7");
	check_numbers("4095", "4095");
	assert_int_equal(numbers_parse(&numbers, "0-4095", &err), 0);
	assert_int_equal(numbers.count, 4096);
	assert_true(numbers_have(&numbers, 4095));
	assert_false(numbers_have(&numbers, 4096));
	numbers_done(&numbers);
	assert_false(numbers_have(&numbers, 0));
}

static void refused_numbers(void **state)
{
	static const char *const bad[] = { "",       ",",   "0,",  ",0",
					   "1-",     "-1",  "3-2", "0,,1",
					   " 0",     "0 ",  "0x1", "4096",
					   "0-4096", "all", "+1",  "18446744073709551616" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct error err = ERROR_INIT;
		struct numbers numbers;

		assert_int_equal(numbers_parse(&numbers, bad[i], &err), -1);
		assert_contains(err.cause, bad[i]);
		assert_remedy(&err, "a list such as 0,2-3; 4095 at most");
		assert_null(numbers.items);
	}
}

#define A255                                                                                               \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void names(void **state)
{
	static const char *const good[] = { "nvidia.com/gpu=0", "nvidia.com/gpu=0:1", "a/b=c",
					    "Vendor_1.x-y/c-d_e.f=GPU-0a.b_c", "a/b=" A255 };
	static const char *const bad[] = {
		"",        "=",       "/",       "a/b",     "a/b=",         "a=b",
		"/b=c",    "a/=c",    "1a/b=c",  "a/1b=c",  "a-/b=c",       "a/b-=c",
		"a/b=c-",  "a/b=-c",  "a/b=c d", "a/b=c/d", "a/b=..",       "a/b=c=d",
		"a b/c=d", "a/b=c\n", "a//b=c",  "a/b/c=d", "\303\244/b=c", "a/b=" A255 "a"
	};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_int_equal(device_check_name(good[i], &err), 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(device_check_name(bad[i], &err), -1);
		assert_remedy(&err, "VENDOR/CLASS=NAME, such as nvidia.com/gpu=0");
	}
	assert_true(device_is_kind("nvidia.com/gpu"));
	assert_false(device_is_kind("nvidia.com/gpu=0"));
}

static void lists_of_names(void **state)
{
	struct error err = ERROR_INIT;
	char **list = devicelist_parse("a/b=c,d/e=f", &err);

	(void)state;
	assert_non_null(list);
	assert_string_equal(list[0], "a/b=c");
	assert_string_equal(list[1], "d/e=f");
	assert_null(list[2]);
	strings_free(list);
	assert_null(devicelist_parse("a/b=c,", &err));
	assert_cause(&err, "'' is not the name of a device");
	assert_null(devicelist_parse("", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_numbers),
		cmocka_unit_test(refused_numbers),
		cmocka_unit_test(names),
		cmocka_unit_test(lists_of_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
