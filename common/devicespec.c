/* SPDX-License-Identifier: BSD-3-Clause */
/* devicespec.c - see devicespec.h. The rules for names are those of CDI's SPEC.md. */
#include "common/devicespec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

#define NAME_MAX_LEN 255 /* of each of the three parts */

/* Letters, digits and `others`; the last character is a letter or digit. */
static bool is_word(const char *text, size_t len, const char *others)
{
	if (len == 0 || len > NAME_MAX_LEN || !isalnum((unsigned char)text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
			return false;
	return true;
}

static bool is_kind(const char *kind, size_t len)
{
	const char *slash = memchr(kind, '/', len);
	size_t vendor = slash ? (size_t)(slash - kind) : 0;

	return slash && isalpha((unsigned char)kind[0]) && isalpha((unsigned char)slash[1]) &&
	       is_word(kind, vendor, "_-.") && is_word(slash + 1, len - vendor - 1, "_-.");
}

bool device_is_kind(const char *kind)
{
	return is_kind(kind, strlen(kind));
}

int device_check_name(const char *name, struct error *err)
{
	size_t kind = strcspn(name, "=");

	if (name[kind] && is_kind(name, kind) && isalnum((unsigned char)name[kind + 1]) &&
	    is_word(name + kind + 1, strlen(name + kind + 1), "_-.:"))
		return 0;
	error_set(err, 0, "'%s' is not the name of a device", name);
	return error_remedy(err, "VENDOR/CLASS=NAME, such as nvidia.com/gpu=0");
}

char **devicelist_parse(const char *text, struct error *err)
{
	char **names = strings_split(text);

	if (!names) {
		error_set(err, ENOMEM, "cannot keep the devices");
		return NULL;
	}
	for (char **name = names; *name; name++)
		if (device_check_name(*name, err) < 0) {
			strings_free(names);
			return NULL;
		}
	return names;
}

static bool parse_number(const char **at, unsigned int *number)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)**at))
		return false;
	value = strtoul(*at, &end, 10);
	if (value > NUMBER_MAX)
		return false;
	*number = (unsigned int)value;
	*at = end;
	return true;
}

/* Marks the numbers of the text in `is_there`. */
static bool mark(const char *text, bool is_there[NUMBER_MAX + 1])
{
	unsigned int first, last;

	do {
		if (!parse_number(&text, &first))
			return false;
		last = first;
		if (*text == '-' && (text++, !parse_number(&text, &last) || last < first))
			return false;
		for (; first <= last; first++)
			is_there[first] = true;
	} while (*text++ == ',');
	return !text[-1];
}

int numbers_parse(struct numbers *numbers, const char *text, struct error *err)
{
	bool is_there[NUMBER_MAX + 1] = { false };

	*numbers = (struct numbers){ .items = NULL };
	if (!mark(text, is_there)) {
		error_set(err, 0, "'%s' is not a list of numbers", text);
		return error_remedy(err, "a list such as 0,2-3; %d at most", NUMBER_MAX);
	}
	numbers->items = calloc(NUMBER_MAX + 1, sizeof(*numbers->items));
	if (!numbers->items)
		return error_set(err, ENOMEM, "cannot keep the numbers");
	for (unsigned int i = 0; i <= NUMBER_MAX; i++)
		if (is_there[i])
			numbers->items[numbers->count++] = i;
	return 0;
}

bool numbers_have(const struct numbers *numbers, unsigned int number)
{
	for (size_t i = 0; i < numbers->count; i++)
		if (numbers->items[i] == number)
			return true;
	return false;
}

void numbers_done(struct numbers *numbers)
{
	free(numbers->items);
	*numbers = (struct numbers){ .items = NULL };
}
