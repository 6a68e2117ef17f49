/* SPDX-License-Identifier: BSD-3-Clause */
/* test_containerfile.c - Containerfiles taken apart, and words with variables; also hostile ones. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/fd.h"
#include "images/build/containerfile.h"
#include "images/build/words.h"

static struct containerfile file;
static struct error err;

static int parse_bytes(const char *text, size_t len)
{
	containerfile_done(&file);
	file = (struct containerfile){ .name = "File" };
	err = (struct error)ERROR_INIT;
	return containerfile_parse(&file, text, len, &err);
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void assert_refused(const char *text, const char *cause, const char *remedy)
{
	assert_int_equal(parse(text), -1);
	assert_cause(&err, cause);
	assert_remedy(&err, remedy);
}

static void assert_step(size_t index, enum verb verb, unsigned int line, const char *text)
{
	assert_true(index < file.count);
	assert_int_equal(file.items[index].verb, verb);
	assert_int_equal(file.items[index].line, line);
	assert_string_equal(file.items[index].text, text);
}

static int teardown(void **state)
{
	(void)state;
	containerfile_done(&file);
	return 0;
}

static void lines(void **state)
{
	(void)state;
	assert_int_equal(
		parse("\xef\xbb\xbf# a comment\r\n\r\n  from  debian:12  \r\n\tRun a \\\r\n"
		      "  # within\r\n\r\n  b \\  \r\n  c\r\nENV A=1"),
		0);
	assert_int_equal(file.count, 3);
	assert_step(0, VERB_FROM, 3, "debian:12");
	assert_step(1, VERB_RUN, 4, "a   b   c");
	assert_step(2, VERB_ENV, 9, "A=1");
	/* An escaped escape character does not continue; the end of the file ends a line. */
	assert_int_equal(parse("FROM a\nRUN x\\\\\nRUN y\\\n"), 0);
	assert_step(1, VERB_RUN, 2, "x\\\\");
	assert_step(2, VERB_RUN, 3, "y");
}

static void directives(void **state)
{
	(void)state;
	assert_int_equal(parse("# syntax=docker/dockerfile:1\n#escape = `\nFROM a\nRUN b `\nc\\\n"),
			 0);
	assert_int_equal(file.escape, '`');
	assert_step(1, VERB_RUN, 4, "b c\\");
	/* Behind anything else it is a comment. */
	assert_int_equal(parse("# hello\n# escape=`\nFROM a\nRUN b\\\n c"), 0);
	assert_int_equal(file.escape, '\\');
	assert_step(1, VERB_RUN, 4, "b c");
	assert_int_equal(parse("\n# escape=`\nFROM a\n"), 0);
	assert_int_equal(file.escape, '\\');
	assert_refused("# escape=x\nFROM a\n", "File:1: the escape character 'x' is none",
		       "# escape=\\ or # escape=`");
}

static void forms(void **state)
{
	(void)state;
	assert_int_equal(parse("FROM a\nCMD [ \"x\" , \"y z\" ]\nRUN [ -f /x ]\nRUN [\"a\"]\n"
			       "ENTRYPOINT []\nCMD [ a ] || b\nCOPY [\"a b\", \"c\"]\n"),
			 0);
	assert_string_equal(file.items[1].words[0], "x");
	assert_string_equal(file.items[1].words[1], "y z");
	assert_null(file.items[1].words[2]);
	assert_null(file.items[2].words);
	assert_string_equal(file.items[3].words[0], "a");
	assert_non_null(file.items[4].words);
	assert_null(file.items[4].words[0]);
	assert_null(file.items[5].words);
	assert_string_equal(file.items[6].words[1], "c");
	assert_refused("FROM a\nCMD ['x']\n",
		       "File:2: CMD is not followed by a JSON array of strings",
		       "[\"WORD\", \"WORD\"], with double quotes");
	assert_refused("FROM a\n\nSHELL /bin/bash\n",
		       "File:3: SHELL is not followed by a JSON array of strings",
		       "[\"WORD\", \"WORD\"], with double quotes");
	assert_refused("FROM a\nSHELL []\n",
		       "File:2: SHELL is not followed by a JSON array of strings",
		       "[\"WORD\", \"WORD\"], with double quotes");
	assert_int_equal(parse("FROM a\nCMD [\"x\", 1]\n"), -1);
	/* A NUL in JSON would cut a word. */
	assert_int_equal(parse("FROM a\nCMD [\"x\\u0000y\"]\n"), -1);
}

static void flags(void **state)
{
	(void)state;
	assert_int_equal(
		parse("FROM --platform=linux/amd64 a\nCOPY --from=x --link --chmod=1 a b\n"), 0);
	assert_step(0, VERB_FROM, 1, "a");
	assert_string_equal(containerfile_flag(&file.items[0], "platform"), "linux/amd64");
	assert_step(1, VERB_COPY, 2, "a b");
	assert_string_equal(containerfile_flag(&file.items[1], "from"), "x");
	assert_string_equal(containerfile_flag(&file.items[1], "link"), "true");
	assert_null(containerfile_flag(&file.items[1], "fro"));
	assert_null(containerfile_flag(&file.items[1], "chown"));
	assert_refused("FROM a\nRUN --mount=type=cache,target=/x make\n",
		       "File:2: RUN --mount is not supported",
		       "leave it out, or --with=buildah, podman or docker");
	assert_refused("FROM a\nADD --fro=x a b\n", "File:2: ADD --fro is not supported",
		       "leave it out, or --with=buildah, podman or docker");
	assert_refused("FROM a\nCOPY -- a b\n", "File:2: COPY -- is not supported",
		       "leave it out, or --with=buildah, podman or docker");
}

static void refused(void **state)
{
	const char *const heredocs[] = { "COPY <<a /b", "ADD --chmod=7 <<-'EOF' /b" };
	const char *const none[] = { "RUN cat <<<x",
				     "RUN echo $((1<<2))",
				     "RUN a << b",
				     "RUN echo '<<'",
				     "ENV A=<<b",
				     "RUN echo 'a <<b'",
				     "RUN echo \"a <<b\" c",
				     "RUN echo $((1 <<2)) a",
				     "RUN [\"a\", \"<<b\"]" };
	char text[100];

	(void)state;
	assert_refused("FROM a\nRUM x\n", "File:2: unknown instruction 'RUM'", "RUN");
	assert_refused("FROM a\n<<<<< HEAD\n", "File:2: unknown instruction '<<<<<'",
		       "FROM, RUN, COPY... as davit(1) lists them");
	assert_refused("FROM a\nhealthcheck NONE\n", "File:2: HEALTHCHECK is not supported",
		       "leave it out: nobody would run it");
	assert_refused("FROM a\nONBUILD RUN x\n", "File:2: ONBUILD is not supported",
		       "write the instruction where it is to be carried out");
	assert_refused("FROM a\nMAINTAINER me\n", "File:2: MAINTAINER is not supported",
		       "LABEL org.opencontainers.image.authors=\"...\"");
	assert_refused("FROM a\nRUN \n", "File:2: nothing follows RUN", "davit(1) tells what does");
	assert_refused("ARG A\nRUN x\nFROM a\n", "File:2: RUN before the first FROM",
		       "FROM IMAGE above it, or FROM scratch to begin with nothing");
	assert_refused("# nothing\nARG A", "File: there is no FROM",
		       "FROM IMAGE, or FROM scratch to begin with nothing");
	assert_refused("", "File: there is no FROM",
		       "FROM IMAGE, or FROM scratch to begin with nothing");
	for (size_t i = 0; i < COUNT_OF(heredocs); i++) {
		snprintf(text, sizeof(text), "FROM a\n%s\nx\nEOF\n", heredocs[i]);
		assert_int_equal(parse(text), -1);
		assert_contains(err.cause, "File:2: ");
		assert_contains(err.cause, " with a here-document is not supported");
	}
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		snprintf(text, sizeof(text), "FROM a\n%s\n", none[i]);
		assert_int_equal(parse(text), 0);
	}
}

static void here_documents(void **state)
{
	static const struct {
		const char *text, *run;
	} good[] = {
		{ "RUN <<EOF\na \\\n# b\n\n  c\nEOF", "a \\\n# b\n\n  c\n" },
		{ "RUN <<-'E.x'  \n\ta\n\tE.x", "a\n" },
		{ "RUN cat <<EOF >x && \\\n  b\n1 \\\n EOF\nEOF",
		  "cat <<EOF >x &&   b\n1 \\\n EOF\nEOF\n" },
		{ "RUN cat 3<<-\"E\" <<F|x\n\ta\n\tE\nE\nF",
		  "cat 3<<-\"E\" <<F|x\n\ta\n\tE\nE\nF\n" },
		{ "RUN <<EOF\r\na\r\nEOF\r", "a\n" },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		snprintf(text, sizeof(text), "FROM a\n%s\nRUM x\n", good[i].text);
		assert_int_equal(parse(text), -1);
		assert_contains(err.cause, ": unknown instruction 'RUM'");
		snprintf(text, sizeof(text), "FROM a\n%s\nUSER x\n", good[i].text);
		assert_int_equal(parse(text), 0);
		assert_int_equal(file.count, 3);
		assert_string_equal(file.items[1].text, good[i].run);
	}
	assert_refused("FROM a\nRUN <<EOF\na\n EOF\n",
		       "File:2: the here-document 'EOF' does not end",
		       "a line with nothing but that name at its end");
	assert_refused("FROM a\nRUN <<EOF\n \nEOF\n", "File:2: the here-document is empty",
		       "a line for the shell in it");
	assert_refused("FROM a\nRUN <<EOF\n#!/bin/perl -w\n1\nEOF\n",
		       "File:2: RUN with a script for '#!/bin/perl' is not supported",
		       "RUN PROGRAM <<NAME, or a script that COPY brings in");
}

static void nul_bytes(void **state)
{
	static const char text[] = "FROM a\nRUN x\0y\n";

	(void)state;
	assert_int_equal(parse_bytes(text, sizeof(text) - 1), -1);
	assert_cause(&err, "File:2: there is a NUL byte, so this is no text");
}

/* Each in a moment: what is done for a byte must not depend on how many there are. */
static void large(void **state)
{
	const size_t size = CONTAINERFILE_MAX;
	cleanup_free char *text = malloc(size + 1);

	(void)state;
	assert_non_null(text);
	/* One line. */
	memcpy(text, "FROM a\nRUN ", 11);
	memset(text + 11, 'x', size - 11);
	assert_int_equal(parse_bytes(text, size), 0);
	assert_int_equal(strlen(file.items[1].text), size - 11);
	/* One line of continued ones. */
	for (size_t i = 11; i < size; i++)
		text[i] = "a\\\n"[(i - 11) % 3];
	assert_int_equal(parse_bytes(text, size), 0);
	assert_int_equal(file.count, 2);
	/* As many instructions as fit, and arguments in front. */
	for (size_t i = 0; i < size; i++)
		text[i] = "ARG A\n"[i % 6];
	memcpy(text + size / 12 * 6, "FROM a\n", 7);
	for (size_t i = size / 12 * 6 + 7; i < size; i++)
		text[i] = "RUN x\n"[(i - (size / 12 * 6 + 7)) % 6];
	text[size] = '\0';
	(void)parse_bytes(text, size);
	assert_true(file.count > size / 6 - 10);
	/* Nothing but escapes, quotes, brackets, dollar signs. */
	for (const char *at = "\\\"'[$#\n"; *at; at++) {
		memset(text + 7, *at, size - 7);
		memcpy(text, "FROM a\n", 7);
		(void)parse_bytes(text, size);
		memcpy(text + 7, "ENV A=", 6);
		(void)parse_bytes(text, size);
	}
	memset(text, '[', size);
	memcpy(text, "FROM a\nCMD ", 11);
	text[size - 1] = ']';
	assert_int_equal(parse_bytes(text, size), -1);
}

/* ---- words ----------------------------------------------------------------------------------- */

static struct list variables;

static void assert_expands(const char *text, const char *expected)
{
	cleanup_free char *word = NULL;

	err = (struct error)ERROR_INIT;
	word = words_expand(text, '\\', &variables, &err);
	assert_cause(&err, "");
	assert_non_null(word);
	assert_string_equal(word, expected);
}

static void assert_not_expanded(const char *text, const char *cause)
{
	err = (struct error)ERROR_INIT;
	assert_null(words_expand(text, '\\', &variables, &err));
	assert_cause(&err, cause);
}

static int set_variables(void **state)
{
	(void)state;
	assert_int_equal(list_set(&variables, "A=one"), 0);
	assert_int_equal(list_set(&variables, "EMPTY="), 0);
	assert_int_equal(list_set(&variables, "Q=$A 'x'"), 0);
	assert_int_equal(list_set(&variables, "A=1"), 0);
	return 0;
}

static int clear_variables(void **state)
{
	(void)state;
	list_done(&variables);
	return 0;
}

static void expands(void **state)
{
	(void)state;
	assert_expands("", "");
	assert_expands("x$A-${A}y$NONE.", "x1-1y.");
	assert_expands("$", "$");
	assert_expands("$1$ a", "$1$ a");
	assert_expands("\\$A \\a \\\\", "$A a \\");
	assert_expands("'$A \\'", "$A \\");
	assert_expands("\"$A \\$A \\\" \\n 'x' \"", "1 $A \" \\n 'x' ");
	assert_expands("$Q", "$A 'x'"); /* once only */
	assert_expands("${NONE:-d}${EMPTY:-d}${EMPTY-d}${NONE-d}${A:-d}", "ddd1");
	assert_expands("${NONE:+d}${EMPTY:+d}${EMPTY+d}${NONE+d}${A:+d}", "dd");
	assert_expands("${NONE:-${EMPTY:-$A}}", "1");
	assert_expands("${NONE:-'}'\"}\"}", "}}");
	assert_expands("${A:?no}", "1");
	assert_expands("end\\", "end\\");
}

static void not_expanded(void **state)
{
	char deep[20 * 8 + 1] = "";

	(void)state;
	assert_not_expanded("${NONE:?give it}", "NONE: give it");
	assert_not_expanded("${EMPTY:?}", "EMPTY: not set");
	assert_not_expanded("'abc", "a quotation that begins with ' does not end");
	assert_not_expanded("a\"b$A", "a quotation that begins with \" does not end");
	assert_not_expanded("${A", "'${A' is not a variable that is understood");
	assert_not_expanded("${}", "'${}' is not a variable that is understood");
	assert_not_expanded("${A:-x", "'${A:-x' is not a variable that is understood");
	assert_not_expanded("${A%x}", "'${A%x}' is not a variable that is understood");
	assert_not_expanded("${A:1:2}", "'${A:1:2}' is not a variable that is understood");
	assert_remedy(&err,
		      "$NAME, ${NAME}, ${NAME:-WORD}, ${NAME:+WORD} or ${NAME:?WORD}; \\$ for a "
		      "dollar sign");
	for (int i = 0; i < 20; i++)
		strcat(deep, "${N:-");
	for (int i = 0; i < 20; i++)
		strcat(deep, "}");
	assert_not_expanded(deep, "variables are nested more than 16 deep");
}

/* Doubled 40 times, it would be a terabyte. */
static void growing(void **state)
{
	int doubled = 0;

	(void)state;
	assert_int_equal(list_set(&variables, "A=0123456789"), 0);
	for (;; doubled++) {
		cleanup_free char *word = words_expand("A=$A$A", '\\', &variables, &err);

		if (!word)
			break;
		assert_int_equal(list_set(&variables, word), 0);
	}
	assert_int_equal(doubled, 13);
	assert_cause(&err, "a word becomes longer than 131072 bytes");
}

static void splits(void **state)
{
	struct list words = { .items = NULL };

	(void)state;
	err = (struct error)ERROR_INIT;
	assert_int_equal(words_split(&words, "  a 'b c'd\t\"e \\\" f\" g\\ h ", '\\', &err), 0);
	assert_int_equal(words.count, 4);
	assert_string_equal(words.items[0], "a");
	assert_string_equal(words.items[1], "'b c'd");
	assert_string_equal(words.items[2], "\"e \\\" f\"");
	assert_string_equal(words.items[3], "g\\ h");
	assert_int_equal(words_split(&words, "x \"y", '\\', &err), -1);
	assert_cause(&err, "a quotation that begins with \" does not end");
	list_done(&words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(lines, teardown),
		cmocka_unit_test_teardown(directives, teardown),
		cmocka_unit_test_teardown(forms, teardown),
		cmocka_unit_test_teardown(flags, teardown),
		cmocka_unit_test_teardown(refused, teardown),
		cmocka_unit_test_teardown(here_documents, teardown),
		cmocka_unit_test_teardown(nul_bytes, teardown),
		cmocka_unit_test_teardown(large, teardown),
		cmocka_unit_test_setup_teardown(expands, set_variables, clear_variables),
		cmocka_unit_test_setup_teardown(not_expanded, set_variables, clear_variables),
		cmocka_unit_test_setup_teardown(growing, set_variables, clear_variables),
		cmocka_unit_test(splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
