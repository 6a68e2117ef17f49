/* SPDX-License-Identifier: BSD-3-Clause */
/* words.c - see words.h. */
#include "images/build/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

#define BLANKS    " \t\r"
#define DEPTH_MAX 16 /* of ${A:-${B:-...}} */

size_t words_name_len(const char *text)
{
	static const char alpha[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	size_t len = 0;

	if (!text[0] || !strchr(alpha, text[0]))
		return 0;
	while (text[len] && (strchr(alpha, text[len]) || strchr("0123456789", text[len])))
		len++;
	return len;
}

static int refuse_quote(char quote, struct error *err)
{
	error_set(err, 0, "a quotation that begins with %c does not end", quote);
	return error_remedy(err, "another %c at its end, or \\%c for the character itself", quote,
			    quote);
}

/* Behind the quotation that begins at `at`; NULL where it does not end. */
static const char *skip_quotation(const char *at, char escape)
{
	char quote = *at++;

	while (*at && *at != quote)
		at += quote == '"' && *at == escape && at[1] ? 2 : 1;
	return *at ? at + 1 : NULL;
}

int words_split(struct list *words, const char *text, char escape, struct error *err)
{
	for (const char *at = text + strspn(text, BLANKS); *at; at += strspn(at, BLANKS)) {
		const char *start = at;

		while (*at && !strchr(BLANKS, *at)) {
			if (*at == '\'' || *at == '"') {
				char quote = *at;

				at = skip_quotation(at, escape);
				if (!at)
					return refuse_quote(quote, err);
			} else {
				at += *at == escape && at[1] ? 2 : 1;
			}
		}
		if (list_take(words, strndup(start, (size_t)(at - start))) < 0)
			return error_set(err, ENOMEM, "cannot keep a word");
	}
	return 0;
}

/* What has been made so far. */
struct expansion {
	char *text;
	size_t len, room;
	char escape;
	const struct list *variables;
	struct error *err;
};

static int put(struct expansion *out, const char *text, size_t len)
{
	if (len > WORD_MAX || out->len + len > WORD_MAX) {
		error_set(out->err, 0, "a word becomes longer than %zu bytes", WORD_MAX);
		return error_remedy(out->err, "a shorter value");
	}
	if (out->len + len + 1 > out->room) {
		size_t room = 2 * (out->len + len + 1);
		char *bigger = realloc(out->text, room);

		if (!bigger)
			return error_set(out->err, ENOMEM, "cannot keep a word");
		out->text = bigger;
		out->room = room;
	}
	memcpy(out->text + out->len, text, len);
	out->len += len;
	out->text[out->len] = '\0';
	return 0;
}

static int expand(struct expansion *out, const char **at, char until, int depth);

static int refuse_variable(const struct expansion *out, const char *start)
{
	error_set(out->err, 0, "'%.40s' is not a variable that is understood", start);
	return error_remedy(out->err,
			    "$NAME, ${NAME}, ${NAME:-WORD}, ${NAME:+WORD} or "
			    "${NAME:?WORD}; %c$ for a dollar sign",
			    out->escape);
}

/* The word of ${NAME:-WORD}, up to its '}'. It is expanded in any case, to find its end. */
static int expand_alternative(struct expansion *out, const char **at, char **word, int depth)
{
	struct expansion inner = { .escape = out->escape,
				   .variables = out->variables,
				   .err = out->err };
	int result = put(&inner, "", 0);

	if (depth == DEPTH_MAX) {
		error_set(out->err, 0, "variables are nested more than %d deep", DEPTH_MAX);
		result = error_remedy(out->err, "ARG for the inner ones");
	}
	if (result == 0)
		result = expand(&inner, at, '}', depth + 1);
	*word = inner.text;
	return result;
}

static int choose(struct expansion *out, const char *name, size_t len, const char *value, char sign,
		  const char *word)
{
	if (sign == '+')
		return value ? put(out, word, strlen(word)) : 0;
	if (value)
		return put(out, value, strlen(value));
	if (sign == '-')
		return put(out, word, strlen(word));
	return error_set(out->err, 0, "%.*s: %s", (int)(len > 64 ? 64 : len), name,
			 word[0] ? word : "not set");
}

/* ${...}, *at behind the '{'. */
static int expand_braces(struct expansion *out, const char **at, int depth)
{
	const char *start = *at - 2, *name = *at, *value;
	size_t len = words_name_len(name);
	cleanup_free char *word = NULL;
	bool is_colon;
	char sign;

	if (len == 0)
		return refuse_variable(out, start);
	value = list_get(out->variables, name, len);
	*at += len;
	if (**at == '}') {
		++*at;
		return value ? put(out, value, strlen(value)) : 0;
	}
	is_colon = **at == ':';
	sign = (*at)[is_colon];
	if (!sign || !strchr("-+?", sign))
		return refuse_variable(out, start);
	*at += is_colon + 1;
	if (expand_alternative(out, at, &word, depth) < 0)
		return -1;
	if (**at != '}')
		return refuse_variable(out, start);
	++*at;
	return choose(out, name, len, is_colon && value && !value[0] ? NULL : value, sign, word);
}

/* *at is the '$'. */
static int expand_variable(struct expansion *out, const char **at, int depth)
{
	const char *name = ++*at, *value;
	size_t len = words_name_len(name);

	if (*name == '{') {
		++*at;
		return expand_braces(out, at, depth);
	}
	if (len == 0) /* a dollar sign that means nothing */
		return put(out, "$", 1);
	*at += len;
	value = list_get(out->variables, name, len);
	return value ? put(out, value, strlen(value)) : 0;
}

static int expand_single(struct expansion *out, const char **at)
{
	const char *start = ++*at;

	*at += strcspn(start, "'");
	if (!**at)
		return refuse_quote('\'', out->err);
	return put(out, start, (size_t)((*at)++ - start));
}

static int expand_double(struct expansion *out, const char **at, int depth)
{
	++*at;
	while (**at && **at != '"') {
		if (**at == '$') {
			if (expand_variable(out, at, depth) < 0)
				return -1;
			continue;
		}
		if (**at == out->escape && (*at)[1] &&
		    ((*at)[1] == '"' || (*at)[1] == '$' || (*at)[1] == out->escape))
			++*at;
		if (put(out, (*at)++, 1) < 0)
			return -1;
	}
	if (!**at)
		return refuse_quote('"', out->err);
	++*at;
	return 0;
}

/* Up to the character `until`, or to the end where that is '\0'. */
static int expand(struct expansion *out, const char **at, char until, int depth)
{
	while (**at && **at != until) {
		int result;

		if (**at == '\'') {
			result = expand_single(out, at);
		} else if (**at == '"') {
			result = expand_double(out, at, depth);
		} else if (**at == '$') {
			result = expand_variable(out, at, depth);
		} else {
			if (**at == out->escape && (*at)[1])
				++*at;
			result = put(out, (*at)++, 1);
		}
		if (result < 0)
			return -1;
	}
	return 0;
}

char *words_expand(const char *text, char escape, const struct list *variables, struct error *err)
{
	struct expansion out = { .escape = escape, .variables = variables, .err = err };

	if (put(&out, "", 0) == 0 && expand(&out, &text, '\0', 0) == 0)
		return out.text;
	free(out.text);
	return NULL;
}
