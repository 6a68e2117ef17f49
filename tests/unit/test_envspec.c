/* SPDX-License-Identifier: BSD-3-Clause */
/* test_envspec.c - the syntax of --container-env. */
#include "common/envspec.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

/* `text` means these pairs of name and value, up to a NULL name. */
static void assert_parsed(const char *text, const char *const (*pairs)[2])
{
	struct envlist list = { .items = NULL };
	struct error err = ERROR_INIT;
	size_t count = 0;

	assert_int_equal(envlist_parse(&list, text, &err), 0);
	assert_cause(&err, "");
	for (; pairs[count][0]; count++) {
		assert_true(count < list.count);
		assert_string_equal(list.items[count].name, pairs[count][0]);
		if (pairs[count][1])
			assert_string_equal(list.items[count].value, pairs[count][1]);
		else
			assert_null(list.items[count].value);
	}
	assert_int_equal(list.count, count);
	envlist_done(&list);
	assert_int_equal(list.count, 0);
}

#define PAIRS(...) ((const char *const[][2]){ __VA_ARGS__, { NULL, NULL } })

static void accepted(void **state)
{
	(void)state;
	assert_parsed("A", PAIRS({ "A", NULL }));
	assert_parsed("A=", PAIRS({ "A", "" }));
	assert_parsed("A=1", PAIRS({ "A", "1" }));
	assert_parsed("_a9=x", PAIRS({ "_a9", "x" }));
	assert_parsed("A=b=c", PAIRS({ "A", "b=c" }));
	assert_parsed("A,B=1,C=", PAIRS({ "A", NULL }, { "B", "1" }, { "C", "" }));
	assert_parsed("A=1,A=2", PAIRS({ "A", "1" }, { "A", "2" }));
	assert_parsed("A=1\\,2,B", PAIRS({ "A", "1,2" }, { "B", NULL }));
	assert_parsed("A=\\\\,B", PAIRS({ "A", "\\" }, { "B", NULL }));
	assert_parsed("A=\\n\\", PAIRS({ "A", "\\n\\" })); /* no escape, so it stays */
	assert_parsed("A= two words\n", PAIRS({ "A", " two words\n" }));
}

static void refused(void **state)
{
	static const char list[] = "NAME or NAME=VALUE, with '\\,' for a comma in the value";
	static const struct {
		const char *text, *cause, *remedy;
	} bad[] = {
		{ "", "empty list of variables", "" },
		{ ",", "'' is not the name of a variable", list },
		{ "A,", "'' is not the name of a variable", list },
		{ "A,,B", "'' is not the name of a variable", list },
		{ "=1", "'' is not the name of a variable", list },
		{ "1A=1", "'1A' is not the name of a variable", list },
		{ "A B=1", "'A B' is not the name of a variable", list },
		{ "A-B", "'A-B' is not the name of a variable", list },
		{ " A", "' A' is not the name of a variable", list },
		{ "A\\,B=1", "'A,B' is not the name of a variable", list },
		{ "A=1,b c", "'b c' is not the name of a variable", list },
		{ "\303\244=1", "'\303\244' is not the name of a variable", list },
		{ "A\nB", "'A?B' is not the name of a variable", list },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct envlist env = { .items = NULL };
		struct error err = ERROR_INIT;

		assert_int_equal(envlist_parse(&env, bad[i].text, &err), -1);
		assert_cause(&err, bad[i].cause);
		assert_remedy(&err, bad[i].remedy);
		envlist_done(&env);
	}
}

static void names(void **state)
{
	(void)state;
	assert_true(env_is_name("A", 1));
	assert_true(env_is_name("A=1", 1));
	assert_false(env_is_name("A=1", 2));
	assert_false(env_is_name("A", 0));
	assert_false(env_is_name("9", 1));
	assert_false(env_is_name("A.B", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("envspec", tests, NULL, NULL);
}
