/* SPDX-License-Identifier: BSD-3-Clause */
/* test_error.c - the texts that users see, and that nothing from outside can spoil them. */
#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static char *long_text(size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

static void starts_empty(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(err.errnum, 0);
	assert_int_equal(err.code, EXIT_SETUP);
	assert_cause(&err, "");
	assert_remedy(&err, "");
	assert_int_equal(EXIT_SETUP, 125);
	assert_int_equal(EXIT_NOT_EXEC, 126);
	assert_int_equal(EXIT_NOT_FOUND, 127);
}

static void set_appends_errno(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	errno = 0;
	assert_int_equal(error_set(&err, ENOENT, "cannot open '%s'", "/a"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(err.errnum, ENOENT);
	assert_cause(&err, "cannot open '/a': No such file or directory");
	assert_remedy(&err, "");
	assert_int_equal(err.code, EXIT_SETUP);
}

static void set_without_errno(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(error_set(&err, 0, "%d things", 3), -1);
	assert_int_equal(err.errnum, 0);
	assert_cause(&err, "3 things");
}

static void set_forgets_what_was(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, EIO, "a long first cause");
	error_remedy(&err, "a first remedy");
	error_set(&err, 0, "b");
	assert_cause(&err, "b");
	assert_remedy(&err, "");
	assert_int_equal(err.errnum, 0);
}

static void set_keeps_the_exit_code(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	err.code = EXIT_NOT_FOUND;
	error_set(&err, ENOENT, "x");
	error_wrap(&err, "y");
	error_remedy(&err, "z");
	assert_int_equal(err.code, EXIT_NOT_FOUND);
}

static void set_of_unknown_errno(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, 99999, "odd");
	assert_contains(err.cause, "odd: ");
	assert_contains(err.cause, "99999");
}

static void control_characters_are_replaced(void **state)
{
	struct error err = ERROR_INIT;
	char all[256];

	(void)state;
	error_set(&err, 0, "a\nb\tc\033[31md\re\177f");
	assert_cause(&err, "a?b?c?[31md?e?f");
	error_remedy(&err, "a\nb\v");
	assert_remedy(&err, "a?b?");
	error_wrap(&err, "in\n'%s'", "\a");
	assert_cause(&err, "in?'?': a?b?c?[31md?e?f");

	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	error_scrub(all);
	for (int i = 0; i < 255; i++) {
		unsigned char was = (unsigned char)(i + 1);

		if (was < 0x20 || was == 0x7f)
			assert_int_equal(all[i], '?');
		else
			assert_int_equal((unsigned char)all[i], was);
	}
}

static void other_letters_stay(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, 0, "'/home/j\303\266rg/\346\227\245.sqfs'");
	assert_cause(&err, "'/home/j\303\266rg/\346\227\245.sqfs'");
}

static void formats_in_values_stay(void **state)
{
	struct error err = ERROR_INIT;
	char out[64];

	(void)state;
	error_set(&err, 0, "'%s'", "%s%n%d");
	error_wrap(&err, "%s", "%x");
	assert_cause(&err, "%x: '%s%n%d'");
	error_format(&err, "n", out, sizeof(out));
	assert_string_equal(out, "davit: n: %x: '%s%n%d'\n");
}

static void long_causes_are_cut(void **state)
{
	struct error err = ERROR_INIT;
	char *text = long_text(5000);

	(void)state;
	assert_int_equal(error_set(&err, ENOENT, "%s", text), -1);
	assert_int_equal(strlen(err.cause), ERROR_TEXT_MAX - 1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(error_wrap(&err, "front"), -1);
	assert_int_equal(strlen(err.cause), ERROR_TEXT_MAX - 1);
	assert_memory_equal(err.cause, "front: xxx", 10);
	assert_int_equal(error_wrap(&err, "%s", text), -1);
	assert_int_equal(strlen(err.cause), ERROR_TEXT_MAX - 1);
	error_remedy(&err, "%s", text);
	assert_int_equal(strlen(err.remedy), ERROR_TEXT_MAX - 1);

	/* The text of errno is what does not fit. */
	text[ERROR_TEXT_MAX - 5] = '\0';
	error_set(&err, ENOENT, "%s", text);
	assert_int_equal(strlen(err.cause), ERROR_TEXT_MAX - 1);
	assert_contains(err.cause, "...");
	assert_contains(err.cause,
			": No such file or directory"); /* the reason is not what is cut */
	free(text);
}

static void wrap_puts_context_in_front(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, EACCES, "inner");
	error_remedy(&err, "remedy");
	assert_int_equal(error_wrap(&err, "outer %d", 1), -1);
	assert_int_equal(error_wrap(&err, "outmost"), -1);
	assert_cause(&err, "outmost: outer 1: inner: Permission denied");
	assert_remedy(&err, "remedy");
	assert_int_equal(err.errnum, EACCES);
}

static void first_remedy_stays(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, 0, "x");
	assert_int_equal(error_remedy(&err, "do %s", "this"), -1);
	assert_int_equal(error_remedy(&err, "do that"), -1);
	assert_remedy(&err, "do this");
}

static void formats_one_or_two_lines(void **state)
{
	struct error err = ERROR_INIT;
	char out[2 * ERROR_TEXT_MAX + 100];
	const char *one = "davit: gpu017: no image\n";
	const char *two = "davit: gpu017: no image\ndavit: gpu017: try: an image\n";

	(void)state;
	error_set(&err, 0, "no image");
	assert_int_equal(error_format(&err, "gpu017", out, sizeof(out)), strlen(one));
	assert_string_equal(out, one);
	error_remedy(&err, "an image");
	assert_int_equal(error_format(&err, "gpu017", out, sizeof(out)), strlen(two));
	assert_string_equal(out, two);
}

static void format_fits_any_size(void **state)
{
	struct error err = ERROR_INIT;
	const char *whole = "davit: n: cause\ndavit: n: try: remedy\n";

	(void)state;
	error_set(&err, 0, "cause");
	error_remedy(&err, "remedy");
	for (size_t size = 1; size <= strlen(whole) + 2; size++) {
		char *out = malloc(size); /* so that a sanitizer sees a byte too many */
		size_t want = size - 1 < strlen(whole) ? size - 1 : strlen(whole);

		assert_non_null(out);
		assert_int_equal(error_format(&err, "n", out, size), want);
		assert_int_equal(strlen(out), want);
		assert_memory_equal(out, whole, want);
		free(out);
	}
}

static void longest_texts_fit(void **state)
{
	struct error err = ERROR_INIT;
	char *text = long_text(3000);
	char out[2 * ERROR_TEXT_MAX + 64];
	size_t len;

	(void)state;
	error_set(&err, 0, "%s", text);
	error_remedy(&err, "%s", text);
	len = error_format(&err, "node", out, sizeof(out));
	assert_int_equal(len, strlen(out));
	assert_int_equal(out[len - 1], '\n');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(set_appends_errno),
		cmocka_unit_test(set_without_errno),
		cmocka_unit_test(set_forgets_what_was),
		cmocka_unit_test(set_keeps_the_exit_code),
		cmocka_unit_test(set_of_unknown_errno),
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(other_letters_stay),
		cmocka_unit_test(formats_in_values_stay),
		cmocka_unit_test(long_causes_are_cut),
		cmocka_unit_test(wrap_puts_context_in_front),
		cmocka_unit_test(first_remedy_stays),
		cmocka_unit_test(formats_one_or_two_lines),
		cmocka_unit_test(format_fits_any_size),
		cmocka_unit_test(longest_texts_fit),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
