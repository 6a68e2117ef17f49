/* SPDX-License-Identifier: BSD-3-Clause */
/* envspec.c - see envspec.h. */
#include "common/envspec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

bool env_is_name(const char *name, size_t len)
{
	if (len == 0 || isdigit((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

/* Takes the text up to an unescaped ',' or the end, without its escapes. */
static char *take_entry(const char **at)
{
	const char *end = *at;
	char *entry, *to;

	while (*end && *end != ',')
		end += *end == '\\' && end[1] ? 2 : 1;
	entry = to = malloc((size_t)(end - *at) + 1);
	if (!entry)
		return NULL;
	for (; *at < end; (*at)++) {
		if (**at == '\\' && ((*at)[1] == ',' || (*at)[1] == '\\'))
			(*at)++;
		*to++ = **at;
	}
	*to = '\0';
	return entry;
}

/* Takes `entry` over in any case. */
static int append(struct envlist *list, char *entry, struct error *err)
{
	size_t len = strcspn(entry, "=");
	struct envspec *bigger;

	if (!env_is_name(entry, len)) {
		error_set(err, 0, "'%.*s' is not the name of a variable", (int)len, entry);
		error_remedy(err, "NAME or NAME=VALUE, with '\\,' for a comma in the value");
		free(entry);
		return -1;
	}
	bigger = realloc(list->items, (list->count + 1) * sizeof(*bigger));
	if (!bigger) {
		free(entry);
		return error_set(err, ENOMEM, "cannot keep the variables");
	}
	list->items = bigger;
	bigger[list->count++] =
		(struct envspec){ .name = entry, .value = entry[len] ? entry + len + 1 : NULL };
	entry[len] = '\0';
	return 0;
}

int envlist_parse(struct envlist *list, const char *text, struct error *err)
{
	const char *at = text;

	if (!text[0])
		return error_set(err, 0, "empty list of variables");
	for (;;) {
		char *entry = take_entry(&at);

		if (!entry)
			return error_set(err, ENOMEM, "cannot keep the variables");
		if (append(list, entry, err) < 0)
			return -1;
		if (*at++ == '\0')
			return 0;
	}
}

void envlist_done(struct envlist *list)
{
	/* The value lies behind the name. */
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
	*list = (struct envlist){ .items = NULL };
}
