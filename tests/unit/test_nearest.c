/* SPDX-License-Identifier: BSD-3-Clause */
/* test_nearest.c - what a misspelt word was meant to be. */
#include "common/nearest.h"

#include "tests/unit/unit.h"

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} table[] = {
		{ "", "", 0 },         { "", "abc", 3 },           { "abc", "", 3 },
		{ "abc", "abc", 0 },   { "abc", "abd", 1 },        { "abc", "ab", 1 },
		{ "abc", "xabc", 1 },  { "kitten", "sitting", 3 }, { "ab", "ba", 2 },
		{ "flaw", "lawn", 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		assert_int_equal(word_distance(table[i].a, table[i].b), table[i].distance);
		assert_int_equal(word_distance(table[i].b, table[i].a), table[i].distance);
	}
}

static void long_words_are_far(void **state)
{
	char word[1000];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[999] = '\0';
	assert_int_equal(word_distance(word, "a"), 999);
	assert_int_equal(word_distance("a", word), 999);
	assert_int_equal(word_distance(word, word), 999);
	word[64] = '\0';
	assert_int_equal(word_distance(word, word), 64);
	word[63] = '\0';
	assert_int_equal(word_distance(word, word), 0);
}

static void nearest(void **state)
{
	static const char *const words[] = { "mounts", "workdir", "mount-home", "env", "net" };
	static const struct {
		const char *word, *meant;
	} table[] = {
		{ "mounts", "mounts" },
		{ "mount", "mounts" },
		{ "muonts", "mounts" },
		{ "workdri", "workdir" },
		{ "mounthome", "mount-home" },
		{ "enf", "env" },
		{ "nett", "net" },
		{ "", NULL },
		{ "x", NULL },
		{ "qqqqqqq", NULL },
		{ "work", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const char *found = word_nearest(table[i].word, words, COUNT_OF(words));

		if (!table[i].meant)
			assert_null(found);
		else
			assert_string_equal(found, table[i].meant);
	}
	assert_null(word_nearest("mounts", words, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(long_words_are_far),
		cmocka_unit_test(nearest),
	};

	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
