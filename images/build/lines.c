/* SPDX-License-Identifier: BSD-3-Clause */
/* lines.c - see lines.h. */
#include "images/build/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

#define BLANKS " \t"

char *lines_next(struct lines *lines)
{
	char *line = lines->rest ? strsep(&lines->rest, "\n") : NULL;

	lines->number += line != NULL;
	return line;
}

/* One that a text begins. */
struct document {
	const char *name;
	int len;
	bool drops_tabs; /* in front of its lines */
};

/* Is the word "<<NAME" or the like? Arithmetic, "$((1 <<2))", and "<<<" are not. */
static bool parse(const char *word, struct document *document)
{
	static const char names[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789.-";
	const char *at = word + strspn(word, "0123456789"), *end;
	char quote;

	if (strncmp(at, "<<", 2) != 0)
		return false;
	at += 2;
	document->drops_tabs = *at == '-';
	at += document->drops_tabs;
	quote = *at == '\'' || *at == '"' ? *at++ : '\0';
	document->name = at;
	document->len = (int)strspn(at, names);
	end = at + document->len;
	if (document->len == 0 || strchr("0123456789.-", *at) || (quote && *end++ != quote))
		return false;
	return !*end || strchr(BLANKS "|;&>", *end);
}

static const char *skip_word(const char *at)
{
	while (*at && !strchr(BLANKS, *at)) {
		char quote = *at;

		if (quote != '\'' && quote != '"') {
			at += *at == '\\' && at[1] ? 2 : 1;
			continue;
		}
		for (at++; *at && *at != quote;)
			at += quote == '"' && *at == '\\' && at[1] ? 2 : 1;
		at += *at != '\0';
	}
	return at;
}

/* Finds the next one from *at on, and goes behind it. */
static bool find(const char **at, struct document *document)
{
	while (**at) {
		const char *word = *at + strspn(*at, BLANKS);

		*at = skip_word(word);
		if (parse(word, document))
			return true;
	}
	return false;
}

bool lines_begins_document(const char *text)
{
	struct document ignored;

	return find(&text, &ignored);
}

/* Writes its lines to `out`; all as they are, the last one too, or only those between. */
static int take(struct lines *lines, const struct document *document, bool is_script, FILE *out,
		struct error *err)
{
	char *line;

	while ((line = lines_next(lines))) {
		size_t len = strlen(line);
		const char *bare = document->drops_tabs ? line + strspn(line, "\t") : line;
		bool is_last;

		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		is_last = strncmp(bare, document->name, (size_t)document->len) == 0 &&
			  !bare[document->len];
		if (!is_last || !is_script)
			fprintf(out, "%s\n", is_script ? bare : line);
		if (is_last)
			return 0;
	}
	error_set(err, 0, "the here-document '%.*s' does not end",
		  document->len > 40 ? 40 : document->len, document->name);
	return error_remedy(err, "a line with nothing but that name at its end");
}

static int take_all(struct lines *lines, const char *text, FILE *out, struct error *err)
{
	const char *at = text;
	struct document document;
	bool is_script = find(&at, &document) && !at[strspn(at, BLANKS)] &&
			 skip_word(text + strspn(text, BLANKS)) == at;

	if (!is_script)
		fprintf(out, "%s\n", text);
	for (at = text; find(&at, &document);)
		if (take(lines, &document, is_script, out, err) < 0)
			return -1;
	return 0;
}

/* The shell would take the first line for a comment. */
static int check(const char *script, struct error *err)
{
	size_t len = strcspn(script, " \t\n");

	if (!script[strspn(script, " \t\n")]) {
		error_set(err, 0, "the here-document is empty");
		return error_remedy(err, "a line for the shell in it");
	}
	if (strncmp(script, "#!", 2) != 0)
		return 0;
	error_set(err, 0, "RUN with a script for '%.*s' is not supported",
		  (int)(len > 60 ? 60 : len), script);
	return error_remedy(err, "RUN PROGRAM <<NAME, or a script that COPY brings in");
}

char *lines_take_documents(struct lines *lines, const char *text, struct error *err)
{
	char *whole = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&whole, &len);
	int result = out ? take_all(lines, text, out, err) : 0;

	if (!out || fclose(out) != 0)
		result = error_set(err, ENOMEM, "cannot keep the instructions");
	if (result == 0 && check(whole, err) == 0)
		return whole;
	free(whole);
	return NULL;
}
