/* SPDX-License-Identifier: BSD-3-Clause */
/* says.c - see says.h. */
#include "launcher/image/says.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "images/imageconf.h"
#include "images/quote.h"
#include "launcher/image/json_text.h"
#include "launcher/permissions/permissions.h"

static const char *kind_of(const struct image *image)
{
	if (image->kind == IMAGE_DIRECTORY)
		return image->bundle_config ? "OCI bundle" : "directory";
	return image->offset ? "SIF" : "squashfs";
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_text(text));
}

static void set_list(json_t *object, const char *key, char *const *list)
{
	if (list)
		json_object_set_new(object, key, json_texts(list));
}

/* Nothing is told of an image that asks for something nobody understands. */
static int add_permissions(json_t *object, const struct image *image,
			   const struct image_files *files, struct error *err)
{
	struct permissions asks;
	char **words = NULL;
	int result = permissions_read_files(&asks, files, err);

	if (result < 0)
		error_wrap(err, "image '%s'", image->path);
	else if (result > 0 && !(words = permissions_words(&asks)))
		result = error_set(err, ENOMEM, "cannot tell what the image asks for");
	if (result > 0)
		set_list(object, "permissions", words);
	strings_free(words);
	permissions_done(&asks);
	return result < 0 ? -1 : 0;
}

json_t *says_collect(const struct image *image, const struct image_files *files, struct error *err)
{
	struct image_config says;
	json_t *object;

	if (image_config_read_files(&says, files, image, err) < 0)
		return NULL;
	object = json_object();
	set_text(object, "image", image->path);
	set_text(object, "kind", kind_of(image));
	set_text(object, "origin", says.origin);
	set_list(object, "env", says.env);
	set_text(object, "workdir", says.workdir);
	set_list(object, "entrypoint", says.entrypoint);
	set_list(object, "command", says.command);
	set_list(object, "labels", says.labels);
	image_config_done(&says);
	if (object && add_permissions(object, image, files, err) == 0)
		return object;
	if (!object)
		error_set(err, ENOMEM, "cannot tell what the image says");
	json_decref(object);
	return NULL;
}

/* ---- YAML -------------------------------------------------------------------------------------- */

/* In one line, and nothing in it that a terminal would obey. */
static void print_text(const char *text)
{
	putchar('"');
	while (*text) {
		uint32_t point;
		bool is_shown;
		size_t size = quote_decode(text, &point, &is_shown);

		if (size == 0)
			break;
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if (is_shown)
			printf("%.*s", (int)size, text);
		else if (point < 0x100)
			printf("\\x%02x", point);
		else
			printf(point < 0x10000 ? "\\u%04x" : "\\U%08x", point);
		text += size;
	}
	putchar('"');
}

static void print_value(const json_t *value)
{
	if (json_is_string(value))
		print_text(json_string_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		fputs(json_is_true(value) ? "true" : "false", stdout);
}

static void print_item(json_t *item)
{
	const char *gap = "{ ", *key;
	json_t *value;

	if (!json_is_object(item)) {
		print_value(item);
		return;
	}
	json_object_foreach(item, key, value)
	{
		printf("%s%s: ", gap, key);
		print_value(value);
		gap = ", ";
	}
	fputs(" }", stdout);
}

static void print_list(const char *key, const json_t *list)
{
	if (json_array_size(list) == 0) {
		printf("%s: []\n", key);
		return;
	}
	printf("%s:\n", key);
	for (size_t i = 0; i < json_array_size(list); i++) {
		fputs("  - ", stdout);
		print_item(json_array_get(list, i));
		putchar('\n');
	}
}

void says_print(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (json_is_array(value)) {
			print_list(key, value);
			continue;
		}
		printf("%s: ", key);
		print_value(value);
		putchar('\n');
	}
}
