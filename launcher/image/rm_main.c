/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rm_main.c - `davit image rm`: removes images from the import cache.
 *
 * By the name of a source, where others stand for the same image, only that name goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/source.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/imported.h"
#include "launcher/imports/imports.h"
#include "launcher/imports/record.h"
#include "launcher/imports/stock.h"

#define DIGITS_MIN 6 /* of a digest that is not told in full */

static int refuse_unknown(const char *name, struct error *err)
{
	error_set(err, 0, "no image '%s' in the import cache", name);
	if (source_is(name) || strncmp(name, "sha256:", 7) == 0)
		return error_remedy(err, "davit image list");
	return error_remedy(err, "docker://%s, or sha256:... as davit image list tells it", name);
}

static bool has_source(const struct stored *item, const char *source)
{
	for (char **at = item->sources; *at; at++)
		if (strcmp(*at, source) == 0)
			return true;
	return false;
}

static int remove_item(const struct import_cache *cache, const struct stored *item,
		       struct error *err)
{
	if (stock_remove(cache, item, err) < 0)
		return -1;
	printf("removed: %s\n", item->digest);
	return 0;
}

static int forget(const struct import_cache *cache, const char *source, struct error *err)
{
	char name[RECORD_NAME_SIZE];

	if (record_name(source, name, err) < 0)
		return -1;
	if (unlinkat(cache->dir, name, 0) < 0 && errno != ENOENT)
		return error_set(err, errno, "cannot remove '%s/%s'", cache->path, name);
	printf("forgotten: %s\n", source);
	return 0;
}

static int remove_source(const struct import_cache *cache, const struct stock *stock,
			 const char *name, struct error *err)
{
	cleanup_free char *source = imports_name(name, err);
	size_t found = 0;

	if (!source)
		return -1;
	for (size_t i = 0; i < stock->count; i++) {
		const struct stored *item = &stock->items[i];

		if (!has_source(item, source))
			continue;
		if (item->sources[1])
			return forget(cache, source, err);
		found++; /* one for each architecture */
		if (remove_item(cache, item, err) < 0)
			return -1;
	}
	return found ? 0 : refuse_unknown(source, err);
}

static int remove_digest(const struct import_cache *cache, const struct stock *stock,
			 const char *name, struct error *err)
{
	const struct stored *found = NULL;
	size_t len = strlen(name);

	if (len < strlen("sha256:") + DIGITS_MIN) {
		error_set(err, 0, "'%s' is too short to tell an image by", name);
		return error_remedy(err, "%d digits at least", DIGITS_MIN);
	}
	for (size_t i = 0; i < stock->count; i++) {
		const struct stored *item = &stock->items[i];

		if (strncmp(item->digest, name, len) != 0)
			continue;
		if (found && strcmp(found->digest, item->digest) != 0) {
			error_set(err, 0, "several images have digests that begin with '%s'", name);
			return error_remedy(err, "more of its digits");
		}
		found = item;
	}
	if (!found)
		return refuse_unknown(name, err);
	for (size_t i = 0; i < stock->count; i++)
		if (strncmp(stock->items[i].digest, name, len) == 0 &&
		    remove_item(cache, &stock->items[i], err) < 0)
			return -1;
	return 0;
}

static int remove_one(const struct import_cache *cache, const char *name, struct error *err)
{
	struct stock stock;
	int result = stock_read(&stock, cache, err);

	if (result == 0 && strncmp(name, "sha256:", 7) == 0)
		result = remove_digest(cache, &stock, name, err);
	else if (result == 0)
		result = source_is(name) ? remove_source(cache, &stock, name, err)
					 : refuse_unknown(name, err);
	stock_done(&stock);
	return result;
}

int image_command_rm(const struct image_arguments *arguments, struct error *err)
{
	struct import_cache cache = IMPORT_CACHE_INIT;
	struct conf conf = { .state_dir = NULL };
	int result = imported_open(&cache, &conf, err);

	for (size_t i = 0; result == 0 && i < arguments->operand_count; i++)
		result = remove_one(&cache, arguments->operands[i], err);
	import_cache_done(&cache);
	conf_done(&conf);
	return result;
}
