/* SPDX-License-Identifier: BSD-3-Clause */
/* quote.c - see quote.h. */
#include "images/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "'\''" and "'$'\ooo''" are the longest that a byte becomes. */
#define EXPANSION 10

/* Reads one character of UTF-8. Returns how many bytes it has, 0 where there is none. */
static size_t decode(const unsigned char *text, uint32_t *point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = text[0] < 0x80             ? 1
		      : (text[0] & 0xe0) == 0xc0 ? 2
		      : (text[0] & 0xf0) == 0xe0 ? 3
		      : (text[0] & 0xf8) == 0xf0 ? 4
						 : 0;

	*point = size == 1 ? text[0] : text[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | (text[i] & 0x3f);
	}
	return size > 0 && *point >= least[size] ? size : 0;
}

static bool is_shown(uint32_t point)
{
	if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point > 0x10ffff)
		return false;
	if (point >= 0xd800 && point < 0xe000)
		return false;
	/* Separators of lines, and marks of direction. */
	return !(point >= 0x2028 && point <= 0x202e) && !(point >= 0x2066 && point <= 0x2069) &&
	       point != 0x200e && point != 0x200f && point != 0x061c && point != 0xfeff;
}

size_t quote_decode(const char *text, uint32_t *point, bool *shown)
{
	size_t size = decode((const unsigned char *)text, point);

	*shown = size > 0 && is_shown(*point);
	return size;
}

/* How many bytes of `text` can be shown as they are; 0: its first cannot. */
static size_t shown(const char *text)
{
	uint32_t point;
	bool may_be;
	size_t size = quote_decode(text, &point, &may_be);

	return may_be ? size : 0;
}

/* How a name has to be written. */
struct needs {
	bool quotes;  /* some */
	bool single;  /* it has one in it, */
	bool special; /* and something that double ones do not take the meaning from */
};

static struct needs look(const char *name)
{
	struct needs needs = { .quotes = !*name };
	size_t size;

	for (const char *at = name; *at; at += size ? size : 1) {
		size = shown(at);
		if (*at == '\'')
			needs.single = true;
		else if (size == 0 || strchr("!\"$&()*;<=>[^`|?\\", *at))
			needs.special = true;
		else if (*at == ' ' || (at == name && strchr("#~", *at)))
			needs.quotes = true;
		else if (at == name && at[1] == '\0' && strchr("{}", *at))
			needs.quotes = true;
	}
	needs.quotes |= needs.single || needs.special;
	return needs;
}

static char *put_escape(char *out, unsigned char c)
{
	static const char from[] = "\a\b\f\n\r\t\v", to[] = "abfnrtv";
	const char *at = strchr(from, c);

	return out + (at ? sprintf(out, "\\%c", to[at - from]) : sprintf(out, "\\%03o", c));
}

/* In single quotes, but for what is between $' and '. */
static void put_quoted(char *out, const char *name)
{
	bool is_escaping = false;
	size_t size;

	*out++ = '\'';
	for (; *name; name += size ? size : 1) {
		size = shown(name);
		if (size == 0) {
			out = is_escaping ? out : stpcpy(out, "'$'");
			out = put_escape(out, (unsigned char)*name);
			is_escaping = true;
			continue;
		}
		if (*name == '\'')
			out = stpcpy(out, "'\\''");
		else if (is_escaping)
			out = stpcpy(out, "''");
		if (*name != '\'')
			out = mempcpy(out, name, size);
		is_escaping = false;
	}
	stpcpy(out, "'");
}

char *quote_name(const char *name)
{
	const struct needs needs = look(name);
	char *quoted = malloc(strlen(name) * EXPANSION + 3);

	if (!quoted)
		return NULL;
	if (!needs.quotes)
		strcpy(quoted, name);
	else if (needs.single && !needs.special)
		sprintf(quoted, "\"%s\"", name);
	else
		put_quoted(quoted, name);
	return quoted;
}
