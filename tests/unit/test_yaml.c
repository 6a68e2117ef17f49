/* SPDX-License-Identifier: BSD-3-Clause */
/* test_yaml.c - YAML as a tree, and what of YAML is refused. */
#include "launcher/conf/yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

static void a_tree(void **state)
{
	static const char text[] = "# comment\n"
				   "a: no\n"
				   "list:\n"
				   "- 'x'\n"
				   "- {b: \"y\\n\", c: }\n"
				   "block: |\n"
				   "  one\n"
				   "  two\n"
				   "empty: ''\n";
	struct error err = ERROR_INIT;
	struct yaml_node *root = yaml_tree_parse("file", text, strlen(text), &err);
	const struct yaml_node *list, *map;

	(void)state;
	assert_non_null(root);
	assert_int_equal(root->kind, YAML_MAP);
	assert_string_equal(yaml_tree_find(root, "a")->text, "no");
	assert_int_equal(yaml_tree_find(root, "a")->line, 2);
	list = yaml_tree_find(root, "list");
	assert_int_equal(list->kind, YAML_LIST);
	assert_int_equal(list->line, 3);
	assert_string_equal(list->children->text, "x");
	map = list->children->next;
	assert_int_equal(map->kind, YAML_MAP);
	assert_int_equal(map->line, 5);
	assert_null(map->next);
	assert_string_equal(yaml_tree_find(map, "b")->text, "y\n");
	assert_int_equal(yaml_tree_find(map, "c")->kind, YAML_NOTHING);
	assert_string_equal(yaml_tree_find(root, "block")->text, "one\ntwo\n");
	assert_int_equal(yaml_tree_find(root, "empty")->kind, YAML_TEXT);
	assert_null(yaml_tree_find(root, "b"));
	yaml_tree_free(root);
	yaml_tree_free(NULL);
}

static const struct {
	const char *text, *cause, *remedy;
} bad[] = {
	{ "a: b\n\tc: d\n", "file:2: a tab where YAML takes spaces only", "spaces" },
	{ "mounts:\n\t- /a\n", "file:2: a tab where YAML takes spaces only", "spaces" },
	{ "workdir: @x\n", "file:1: a value cannot begin with this character",
	  "put the value in quotes" },
	{ "workdir: a: b\n", "file:1: a ':' where no key can be",
	  "the indentation of this line and the one above it; quotes around a value with ': ' in it" },
	{ "workdir: /a\nmounts\n", "file:3: a key without ':'", "KEY: VALUE" },
	{ "workdir: /a\n mounts: []\n", "file:2: a ':' where no key can be",
	  "the indentation of this line and the one above it; quotes around a value with ': ' in it" },
	{ "mounts: [/a\n", "file:2: a list that does not end", "']'" },
	{ "env: {A: b\n", "file:2: a map that does not end", "'}'" },
	{ "workdir: \"/a\n", "file:2: a quoted value that does not end", "a closing quote" },
	{ "workdir: &w /a\n", "file:1: anchors and aliases are not taken ('&', '*')",
	  "write it out, or in quotes if it is text" },
	{ "workdir: /a\nname: *w\n", "file:2: anchors and aliases are not taken ('&', '*')",
	  "write it out, or in quotes if it is text" },
	{ "workdir: !!str /a\n", "file:1: tags are not taken ('!')",
	  "leave it out, or put it in quotes if it is text" },
	{ "workdir: /a\n---\nworkdir: /b\n", "file:2: more than one document",
	  "one document in a file" },
	{ "workdir: /a\nname: b\nworkdir: /c\n",
	  "file:3: 'workdir' for the second time, after line 1", "one of the two" },
	{ "? [a]\n: b\n", "file:1: a key that is no text", "KEY: VALUE" },
	{ "workdir: \"/a\\0b\"\n", "file:1: a NUL byte in a text", "leave it out" },
	{ "a: b\nworkdir: /\xff\n", "file:2: byte 0xff is no part of a text in UTF-8",
	  "save the file as UTF-8, without control characters" },
	{ "workdir: /a\x01\n", "file:1: byte 0x01 is no part of a text in UTF-8",
	  "save the file as UTF-8, without control characters" },
	{ "just text\n", "file:1: the file is not a map", "KEY: VALUE" },
	{ "- a\n", "file:1: the file is not a map", "KEY: VALUE" },
	{ "mounts: [[[[[[[[[x]]]]]]]]]\n", "file:1: more than 8 lists and maps in each other", "" },
};

static void assert_bad(const char *text, size_t len, const char *cause, const char *remedy)
{
	struct error err = ERROR_INIT;

	if (yaml_tree_parse("file", text, len, &err))
		fail_msg("not refused: %s", text);
	assert_cause(&err, cause);
	assert_remedy(&err, remedy);
}

static void bad_syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_bad(bad[i].text, strlen(bad[i].text), bad[i].cause, bad[i].remedy);
	assert_bad("a: b\n\0", 6, "file:2: a NUL byte", "a text file");
}

static void too_much(void **state)
{
	const size_t count = 20000;
	cleanup_free char *text = calloc(count + 1, 4);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + 4 * i, "- a\n", 5);
	assert_bad(text, 4 * count, "file:10001: more than 10000 entries", "");
	assert_bad(text, YAML_SIZE_MAX + 1, "cannot read 'file': File too large", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree),
		cmocka_unit_test(bad_syntax),
		cmocka_unit_test(too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
