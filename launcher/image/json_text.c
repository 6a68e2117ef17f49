/* SPDX-License-Identifier: BSD-3-Clause */
/* json_text.c - see json_text.h. */
#include "launcher/image/json_text.h"

#include <stdio.h>

#include "common/fd.h"
#include "images/quote.h"

json_t *json_text(const char *text)
{
	json_t *json = json_string(text);
	cleanup_free char *quoted = json ? NULL : quote_name(text);

	return quoted ? json_string(quoted) : json;
}

void json_set_text(json_t *object, const char *key, const char *text)
{
	json_t *json = json_string(text);
	char also[64];

	if (!json) {
		snprintf(also, sizeof(also), "%s-quoted", key);
		json_object_set_new(object, also, json_true());
		json = json_text(text);
	}
	json_object_set_new(object, key, json);
}

json_t *json_texts(char *const *list)
{
	json_t *array = json_array();

	for (; list && *list; list++)
		json_array_append_new(array, json_text(*list));
	return array;
}
