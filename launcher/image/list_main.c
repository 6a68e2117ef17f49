/* SPDX-License-Identifier: BSD-3-Clause */
/* list_main.c - `davit image list`: the images of the import cache. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/imported.h"
#include "launcher/imports/stock.h"

#define SHORT_DIGITS 12 /* of a digest, for people */
#define TIME_MAX     32

static const char *put_time(char text[TIME_MAX], const char *format, const struct tm *broken)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (!broken || strftime(text, TIME_MAX, format, broken) == 0)
		strcpy(text, "?");
#pragma GCC diagnostic pop
	return text;
}

static void print_line(const char *source, const struct stored *item, int width)
{
	char size[IMPORTED_SIZE_MAX], imported[TIME_MAX], used[TIME_MAX];
	cleanup_free char *plain = strdup(source);

	if (plain)
		error_scrub(plain);
	put_time(imported, "%Y-%m-%d %H:%M", localtime(&item->imported));
	put_time(used, "%Y-%m-%d %H:%M", localtime(&item->used));
	printf("%-*s  %.*s  %10s  %-16s  %s\n", width, plain ? plain : "?",
	       (int)strlen("sha256:") + SHORT_DIGITS, item->digest, imported_size(item->size, size),
	       imported, used);
}

static int print_table(const struct stock *stock)
{
	int width = (int)strlen("REFERENCE");

	for (size_t i = 0; i < stock->count; i++)
		for (char **source = stock->items[i].sources; *source; source++)
			if ((int)strlen(*source) > width)
				width = (int)strlen(*source);
	printf("%-*s  %-19s  %10s  %-16s  %s\n", width, "REFERENCE", "DIGEST", "SIZE", "IMPORTED",
	       "USED");
	for (size_t i = 0; i < stock->count; i++) {
		char **source = stock->items[i].sources;

		do
			print_line(*source ? *source : "-", &stock->items[i], width);
		while (*source && *++source);
	}
	return 0;
}

static json_t *describe(const struct import_cache *cache, const struct stored *item)
{
	char imported[TIME_MAX], used[TIME_MAX], file[IMPORT_FILE_SIZE];
	cleanup_free char *path = NULL;
	json_t *sources = json_array();

	for (char **source = item->sources; *source; source++)
		json_array_append_new(sources, json_string(*source));
	import_file(item->key, file);
	path = import_cache_path(cache, file);
	put_time(imported, "%Y-%m-%dT%H:%M:%SZ", gmtime(&item->imported));
	put_time(used, "%Y-%m-%dT%H:%M:%SZ", gmtime(&item->used));
	return json_pack("{s:o, s:s, s:s, s:s?, s:I, s:s, s:s}", "references", sources, "digest",
			 item->digest, "architecture", item->key + 2 * DIGEST_BYTES + 1, "file",
			 path, "size", (json_int_t)item->size, "imported", imported, "used", used);
}

static int print_json(const struct import_cache *cache, const struct stock *stock,
		      struct error *err)
{
	json_t *list = json_array();
	int result = 0;

	for (size_t i = 0; i < stock->count; i++)
		if (json_array_append_new(list, describe(cache, &stock->items[i])) < 0)
			result = error_set(err, 0, "an image's name is no text");
	if (result == 0 && json_dumpf(list, stdout, JSON_INDENT(2)) < 0)
		result = error_set(err, errno, "cannot write to standard output");
	if (result == 0)
		putchar('\n');
	json_decref(list);
	return result;
}

int image_command_list(const struct image_arguments *arguments, struct error *err)
{
	struct import_cache cache = IMPORT_CACHE_INIT;
	struct conf conf = { .state_dir = NULL };
	struct stock stock = { .items = NULL };
	int result = imported_open(&cache, &conf, err);

	if (result == 0)
		result = stock_read(&stock, &cache, err);
	if (result == 0)
		result = arguments_value(arguments, "json") ? print_json(&cache, &stock, err)
							    : print_table(&stock);
	stock_done(&stock);
	import_cache_done(&cache);
	conf_done(&conf);
	return result;
}
