/* SPDX-License-Identifier: BSD-3-Clause */
/* profile_json.c - see profile_parse.h. */
#include <string.h>

#include "common/nearest.h"
#include "launcher/security/profile_parse.h"

int json_check_keys(json_t *object, const char *where, const char *const *keys, size_t count,
		    struct error *err)
{
	const char *key, *near;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (i < count && strcmp(key, keys[i]) != 0)
			i++;
		if (i < count)
			continue;
		near = word_nearest(key, keys, count);
		error_set(err, 0, "unknown key '%s' in %s", key, where);
		return near ? error_remedy(err, "%s", near) : -1;
	}
	return 0;
}

static bool is_absent(json_t *value)
{
	return !value || json_is_null(value);
}

int json_get(json_t *object, const char *key, json_type type, json_t **value, struct error *err)
{
	static const char *const names[] = { [JSON_OBJECT] = "an object",
					     [JSON_ARRAY] = "an array",
					     [JSON_STRING] = "a string",
					     [JSON_INTEGER] = "an integer" };

	*value = json_object_get(object, key);
	if (is_absent(*value)) {
		*value = NULL;
		return 0;
	}
	if (json_typeof(*value) != type)
		return error_set(err, 0, "'%s' is not %s", key, names[type]);
	return 0;
}

int json_get_number(json_t *object, const char *key, uint64_t max, uint64_t *number, bool *is_there,
		    struct error *err)
{
	json_t *value;

	if (json_get(object, key, JSON_INTEGER, &value, err) < 0)
		return -1;
	*is_there = value;
	*number = 0;
	if (!value)
		return 0;
	if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return error_set(err, 0, "'%s' is not a number from 0 to %llu", key,
				 (unsigned long long)max);
	*number = (uint64_t)json_integer_value(value);
	return 0;
}

int json_get_word(json_t *object, const char *key, const struct json_word *words, size_t count,
		  uint32_t *value, struct error *err)
{
	const char *names[32], *near, *name;
	json_t *text;

	if (json_get(object, key, JSON_STRING, &text, err) < 0)
		return -1;
	if (!text)
		return error_set(err, 0, "'%s' is missing", key);
	name = json_string_value(text);
	for (size_t i = 0; i < count; i++) {
		names[i] = words[i].name;
		if (strcmp(name, words[i].name) == 0) {
			*value = words[i].value;
			return 0;
		}
	}
	near = word_nearest(name, names, count);
	error_set(err, 0, "unknown %s '%s'", key, name);
	return error_remedy(err, "%s", near ? near : words[0].name);
}
