/* SPDX-License-Identifier: BSD-3-Clause */
/* cache_main.c - `davit image cache`: what there is, less of it, or more. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "common/source.h"
#include "launcher/conf/conf.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/imported.h"
#include "launcher/imports/imports.h"
#include "launcher/imports/stock.h"
#include "launcher/report.h"

int imported_open(struct import_cache *cache, struct conf *conf, struct error *err)
{
	return conf_load(conf, err) < 0 ? -1 : import_cache_open(cache, conf, err);
}

const char *imported_size(uint64_t size, char text[IMPORTED_SIZE_MAX])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double number = (double)size;
	size_t unit = 0;

	while (number >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		number /= 1024;
		unit++;
	}
	snprintf(text, IMPORTED_SIZE_MAX, unit > 0 && number < 10 ? "%.1f %s" : "%.0f %s", number,
		 units[unit]);
	return text;
}

static int show(const struct import_cache *cache, struct error *err)
{
	char size[IMPORTED_SIZE_MAX], max[IMPORTED_SIZE_MAX], *path = strdup(cache->path);
	struct stock stock;
	int result = path ? stock_read(&stock, cache, err)
			  : error_set(err, ENOMEM, "cannot list the import cache");

	if (result == 0) {
		error_scrub(path);
		printf("directory: %s\nlimit: %s\nsize: %s\nimages: %zu\n", path,
		       imported_size(cache->max, max), imported_size(stock.size, size),
		       stock.count);
		stock_done(&stock);
	}
	free(path);
	return result;
}

/* Images that stand for nothing any more: their tag has moved on. */
static int remove_unnamed(const struct import_cache *cache, struct stock_freed *freed,
			  struct error *err)
{
	struct stock stock;
	int result = stock_read(&stock, cache, err);

	for (size_t i = 0; result == 0 && i < stock.count; i++) {
		struct error busy = ERROR_INIT;

		if (stock.items[i].sources[0])
			continue;
		if (stock_remove(cache, &stock.items[i], &busy) == 0)
			freed->count++, freed->size += stock.items[i].size;
		else if (busy.errnum != EBUSY)
			result = -1, *err = busy;
	}
	stock_done(&stock);
	return result;
}

static int prune(const struct image_arguments *arguments, const struct import_cache *cache,
		 struct error *err)
{
	const char *text = arguments_value(arguments, "max");
	bool is_all = arguments_value(arguments, "all") || (text && strcmp(text, "0") == 0);
	struct stock_freed freed = { .count = 0 };
	char size[IMPORTED_SIZE_MAX];
	uint64_t max = cache->max;

	if (text && !is_all && conf_parse_import_cache_max(text, &max, err) < 0)
		return error_wrap(err, "--max");
	if (is_all)
		max = 0;
	stock_clear_unfinished(cache, NULL);
	stock_clear_old(cache);
	if (remove_unnamed(cache, &freed, err) < 0 || stock_shrink(cache, max, &freed, err) < 0)
		return -1;
	printf("removed: %zu images, %s\n", freed.count, imported_size(freed.size, size));
	return 0;
}

static int pull(const struct image_arguments *arguments, const struct conf *conf, struct error *err)
{
	for (size_t i = 1; i < arguments->operand_count; i++) {
		const struct imports_want want = { .source = arguments->operands[i],
						   .pull = PULL_ALWAYS,
						   .conf = conf,
						   .tell = report };
		struct imported imported = IMPORTED_INIT;
		int result = -1;

		if (source_check(want.source, err) == 0 && !source_is(want.source)) {
			error_set(err, 0, "'%s' is no source of images", want.source);
			/* No name of an image begins so. */
			error_remedy(err,
				     strchr("/.~", want.source[0])
					     ? "--container=%s, a file needs no cache"
					     : "docker://%s",
				     want.source);
		} else if (!err->cause[0]) {
			result = imports_get(&want, &imported, err);
		}
		if (result == 0)
			puts(imported.path);
		imported_done(&imported);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int refuse(const struct image_arguments *arguments, const char *word, struct error *err)
{
	static const char *const words[] = { "prune", "pull" };
	const char *near = word_nearest(word, words, 2);

	error_set(err, 0, "image cache knows no '%s'", word);
	return near ? error_remedy(err, "davit image cache %s", near)
		    : arguments_usage(arguments, err);
}

static int check(const struct image_arguments *arguments, const char *word, struct error *err)
{
	bool has_options = arguments_value(arguments, "all") || arguments_value(arguments, "max");
	bool prunes = strcmp(word, "prune") == 0, pulls = strcmp(word, "pull") == 0;

	if (word[0] && !prunes && !pulls)
		return refuse(arguments, word, err);
	if (has_options && !prunes)
		error_set(err, 0, "--all and --max are for 'prune'");
	else if (pulls ? arguments->operand_count < 2 : arguments->operand_count > 1)
		error_set(err, 0, pulls ? "no image given" : "'%s' takes no more arguments", word);
	else
		return 0;
	return arguments_usage(arguments, err);
}

int image_command_cache(const struct image_arguments *arguments, struct error *err)
{
	const char *word = arguments->operand_count ? arguments->operands[0] : "";
	struct import_cache cache = IMPORT_CACHE_INIT;
	struct conf conf = { .state_dir = NULL };
	int result = check(arguments, word, err);

	if (result == 0)
		result = imported_open(&cache, &conf, err);
	if (result == 0 && strcmp(word, "pull") == 0)
		result = pull(arguments, &conf, err);
	else if (result == 0)
		result = word[0] ? prune(arguments, &cache, err) : show(&cache, err);
	import_cache_done(&cache);
	conf_done(&conf);
	return result;
}
