/* SPDX-License-Identifier: BSD-3-Clause */
/* test_arguments.c - the command lines of `davit image`. */
#include "launcher/image/arguments.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

static const struct image_option options[] = {
	{ "key", 'k', "FILE", "a key" },
	{ "quiet", 'q', NULL, "say nothing" },
	{ NULL },
};

static const struct image_command one = {
	"one", "[-q] [--key=FILE]... IMAGE", "do it", options, 1, 1, NULL
};
static const struct image_command pair = { "pair", "A B", "do it", NULL, 2, 2, NULL };

/* To be freed by arguments_done(), which is the same as never in a test. */
static int parse(struct image_arguments *arguments, const struct image_command *command,
		 struct error *err, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return arguments_parse(arguments, command, argc, argv, err);
}

#define WORDS(...) ((char *[]){ CHARS("name"), __VA_ARGS__, NULL })

static void test_any_order(void **state)
{
	struct image_arguments arguments;
	struct error err = ERROR_INIT;
	char **keys;

	(void)state;
	assert_int_equal(parse(&arguments, &one, &err,
			       WORDS(CHARS("--key=a"), CHARS("img"), CHARS("-qk"), CHARS("b"))),
			 0);
	assert_int_equal(arguments.operand_count, 1);
	assert_string_equal(arguments.operands[0], "img");
	assert_string_equal(arguments_value(&arguments, "quiet"), "");
	assert_string_equal(arguments_value(&arguments, "key"), "b");
	keys = arguments_values(&arguments, "key");
	assert_string_equal(keys[0], "a");
	assert_string_equal(keys[1], "b");
	assert_null(keys[2]);
	free(keys);
	arguments_done(&arguments);
}

static void test_not_given(void **state)
{
	struct image_arguments arguments;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(parse(&arguments, &one, &err, WORDS(CHARS("--"), CHARS("-q"))), 0);
	assert_string_equal(arguments.operands[0], "-q");
	assert_null(arguments_value(&arguments, "quiet"));
	assert_null(arguments_value(&arguments, "key"));
	arguments_done(&arguments);
}

static void test_help(void **state)
{
	struct image_arguments arguments;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(parse(&arguments, &one, &err, WORDS(CHARS("--help"))), 1);
	arguments_done(&arguments);
	assert_int_equal(parse(&arguments, &pair, &err, WORDS(CHARS("-h"))), 1);
	arguments_done(&arguments);
}

static void refused_with(const struct image_command *command, const char *cause, const char *remedy,
			 char **argv)
{
	struct image_arguments arguments;
	struct error err = ERROR_INIT;

	assert_int_equal(parse(&arguments, command, &err, argv), -1);
	assert_cause(&err, cause);
	assert_string_equal(err.remedy, remedy);
	arguments_done(&arguments);
}

static void refused(const struct image_command *command, const char *cause, char **argv)
{
	struct image_arguments arguments;
	struct error err = ERROR_INIT;

	assert_int_equal(parse(&arguments, command, &err, argv), -1);
	assert_cause(&err, cause);
	assert_contains(err.remedy, "davit image ");
	assert_contains(err.remedy, command->synopsis);
	arguments_done(&arguments);
}

static void test_refused(void **state)
{
	(void)state;
	refused(&one, "no image given", WORDS(CHARS("-q")));
	refused(&one, "more than one image", WORDS(CHARS("a"), CHARS("b")));
	refused(&pair, "1 arguments are too few", WORDS(CHARS("a")));
	refused(&pair, "3 arguments are too many", WORDS(CHARS("a"), CHARS("b"), CHARS("c")));
	refused(&one, "option '--key' needs a value", WORDS(CHARS("a"), CHARS("--key")));
	refused_with(&one, "image one knows no option '--kez=x'", "--key",
		     WORDS(CHARS("--kez=x"), CHARS("a")));
	refused_with(&one, "image one knows no option '--quiet=x'", "--quiet",
		     WORDS(CHARS("--quiet=x"), CHARS("a")));
	refused(&one, "image one knows no option '--unlike'", WORDS(CHARS("--unlike"), CHARS("a")));
	refused(&one, "image one knows no option '-z'", WORDS(CHARS("-zq"), CHARS("a")));
	refused(&pair, "image pair knows no option '-q'", WORDS(CHARS("-q"), CHARS("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_not_given),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
