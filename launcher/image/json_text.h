/* SPDX-License-Identifier: BSD-3-Clause */
/* json_text.h - text of an image in JSON, which has Unicode only. */
#ifndef DAVIT_IMAGE_JSON_TEXT_H
#define DAVIT_IMAGE_JSON_TEXT_H

#include <jansson.h>

/* The text; where it is no UTF-8, as quote_name() has it. NULL when out of memory. */
json_t *json_text(const char *text);

/* Sets `key` of `object` to the text, and where it is no UTF-8 also "KEY-quoted" to true. */
void json_set_text(json_t *object, const char *key, const char *text);

/* A list that ends with NULL, or may be NULL. */
json_t *json_texts(char *const *list);

#endif
