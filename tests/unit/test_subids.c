/* SPDX-License-Identifier: BSD-3-Clause */
/* test_subids.c - which range of /etc/subuid is a user's. */
#include "launcher/subids.h"

#include "tests/unit/unit.h"

#define UID 1234

static void assert_range(const char *text, const char *name, unsigned int start, unsigned int count)
{
	FILE *lines = fmemopen((char *)(uintptr_t)text, strlen(text) + !text[0], "r");
	struct subid_range range;

	assert_non_null(lines);
	range = subids_largest(lines, name, UID);
	fclose(lines);
	if (range.count != count || (count > 0 && range.start != start))
		fail_msg("'%s' gives %u from %u", text, range.count, range.start);
}

static void by_name_or_number(void **state)
{
	(void)state;
	assert_range("ada:100000:65536\n", "ada", 100000, 65536);
	assert_range("1234:100000:65536\n", "ada", 100000, 65536);
	assert_range("1234:100000:65536", NULL, 100000, 65536); /* no newline */
	assert_range("bob:1:2\nada:100000:65536\n", "ada", 100000, 65536);
	assert_range("ada:0:4294967295\n", "ada", 0, 4294967295u);
}

static void the_largest(void **state)
{
	(void)state;
	assert_range("ada:1:2\n1234:50:60\nada:3:4\n", "ada", 50, 60);
	assert_range("ada:1:2\nada:x:9\nada:7:0\n", "ada", 1, 2);
}

static void none(void **state)
{
	static const char *const texts[] = {
		"\n",
		"ad:1:2\n",
		"adam:1:2\n",
		"ada\n",
		"ada:\n",
		"ada:1\n",
		"ada:1:\n",
		"ada:1:0\n",
		"ada:1:2:3\n",
		"ada:1:2 \n",
		"ada: 1:2\n",
		"ada:-1:2\n",
		"ada:1:-2\n",
		"ada:+1:2\n",
		"ada:0x1:2\n",
		"ada:4294967295:1\n",
		"ada:4294967294:2\n",
		"ada:1:99999999999999999999\n",
		"ada:99999999999999999999:1\n",
		" ada:1:2\n",
		"# ada:1:2\n",
		"12345:1:2\n",
		":1:2\n",
		"1:1234:2\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_range(texts[i], "ada", 0, 0);
	assert_range("ada:1:2\n", NULL, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name_or_number),
		cmocka_unit_test(the_largest),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests_name("subids", tests, NULL, NULL);
}
