/* SPDX-License-Identifier: BSD-3-Clause */
/* test_quote.c - names as `ls --quoting-style=shell-escape` shows them. */
#include "images/quote.h"

#include "common/fd.h"
#include "tests/unit/unit.h"

static void names(void **state)
{
	static const struct {
		const char *name, *quoted;
	} pairs[] = {
		{ "plain-1.2_x,y:z@%+/", "plain-1.2_x,y:z@%+/" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "#a", "'#a'" },
		{ "a#~", "a#~" },
		{ "~", "'~'" },
		{ "{", "'{'" },
		{ "{a}", "{a}" },
		{ "a*", "'a*'" },
		{ "$HOME`x`", "'$HOME`x`'" },
		{ "it's", "\"it's\"" },
		{ "it's $x", "'it'\\''s $x'" },
		{ "back\\slash", "'back\\slash'" },
		{ "line\nfeed", "'line'$'\\n''feed'" },
		{ "\nfirst", "''$'\\n''first'" },
		{ "last\n", "'last'$'\\n'" },
		{ "two\r\n.", "'two'$'\\r\\n''.'" },
		{ "\x1b[31mred", "''$'\\033''[31mred'" },
		{ "\a\b\f\t\v\x7f", "''$'\\a\\b\\f\\t\\v\\177'" },
		{ "\n'x", "''$'\\n'\\''x'" },
		/* UTF-8, and what is none */
		{ "Gr\u00f6\u00dfe \u4f60", "'Gr\u00f6\u00dfe \u4f60'" },
		{ "\U0001f40b", "\U0001f40b" },
		{ "\xff", "''$'\\377'" },
		{ "\xc3", "''$'\\303'" },
		{ "\xc3(", "''$'\\303''('" },
		{ "\xc0\xaf", "''$'\\300\\257'" },                   /* too long for a "/" */
		{ "\xed\xa0\x80", "''$'\\355\\240\\200'" },          /* half of a pair */
		{ "\xf4\x90\x80\x80", "''$'\\364\\220\\200\\200'" }, /* too large */
		{ "\xc2\x9b", "''$'\\302\\233'" },                   /* CSI in 8 bits */
		{ "a\xe2\x80\xae"
		  "txt",
		  "'a'$'\\342\\200\\256''txt'" }, /* right to left */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		cleanup_free char *quoted = quote_name(pairs[i].name);

		assert_string_equal(quoted, pairs[i].quoted);
	}
}

static void longest(void **state)
{
	char name[256];
	cleanup_free char *quoted = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '.' : '\1';
	name[sizeof(name) - 1] = '\0';
	quoted = quote_name(name);
	assert_int_equal(strlen(quoted), 2 + 128 * 7 + 127 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
