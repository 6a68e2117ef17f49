/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ldcache_format.c - writes an ld.so.cache, in the order of ldconfig(8).
 *
 * First it is decided what is where; then each part is put at its place. What is written has no old format.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/mpi/ldcache_inner.h"

#define GENERATOR "davit"

/* An entry that is to be written. */
struct sorted {
	const struct ldcache_entry *entry;
	size_t place;
};

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_hwcaps(const struct ldcache_entry *a, const struct ldcache_entry *b)
{
	int order;

	if (!a->hwcaps != !b->hwcaps)
		return a->hwcaps ? -1 : 1;
	if (a->hwcaps)
		return strcmp(a->hwcaps, b->hwcaps);
	order = ORDER(__builtin_popcountll(b->hwcap), __builtin_popcountll(a->hwcap));
	return order ? order : ORDER(b->hwcap, a->hwcap);
}

static int compare_entries(const void *left, const void *right)
{
	const struct sorted *a = left, *b = right;
	int order = ldcache_compare(b->entry->soname, a->entry->soname);

	if (order == 0)
		order = ORDER((int32_t)b->entry->flags, (int32_t)a->entry->flags);
	if (order == 0)
		order = compare_hwcaps(a->entry, b->entry);
	if (order == 0)
		order = ORDER(b->entry->os_version, a->entry->os_version);
	return order ? order : ORDER(a->place, b->place);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is needed to write a cache. */
struct plan {
	struct sorted *entries;
	const char **hwcaps; /* sorted, each once */
	size_t hwcaps_count;
	size_t strings, extensions, generator, end; /* offsets */
};

static int make_plan(struct plan *plan, const struct ldcache *cache, struct error *err)
{
	size_t size = 0, count = 0;

	plan->entries = calloc(cache->count + 1, sizeof(*plan->entries));
	plan->hwcaps = calloc(cache->count + 1, sizeof(*plan->hwcaps));
	if (!plan->entries || !plan->hwcaps) {
		error_set(err, ENOMEM, "cannot make ld.so.cache");
		return -1;
	}
	for (size_t i = 0; i < cache->count; i++) {
		const struct ldcache_entry *entry = &cache->items[i];

		plan->entries[i] = (struct sorted){ .entry = entry, .place = i };
		size += strlen(entry->soname) + strlen(entry->path) + 2;
		if (entry->hwcaps)
			plan->hwcaps[count++] = entry->hwcaps;
	}
	qsort(plan->entries, cache->count, sizeof(*plan->entries), compare_entries);
	qsort(plan->hwcaps, count, sizeof(*plan->hwcaps), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && strcmp(plan->hwcaps[i], plan->hwcaps[i - 1]) == 0)
			continue;
		size += strlen(plan->hwcaps[i]) + 1;
		plan->hwcaps[plan->hwcaps_count++] = plan->hwcaps[i];
	}
	plan->strings = sizeof(struct head) + cache->count * sizeof(struct entry);
	plan->extensions = (plan->strings + size + 3) & ~(size_t)3;
	plan->generator = plan->extensions + sizeof(struct extensions) +
			  (plan->hwcaps_count ? 2 : 1) * sizeof(struct extension) +
			  plan->hwcaps_count * sizeof(uint32_t);
	plan->end = plan->generator + sizeof(GENERATOR) - 1;
	if (plan->end > UINT32_MAX)
		return error_set(err, EFBIG, "cannot make ld.so.cache");
	return 0;
}

/* Appends a string at *at and returns where it is. */
static uint32_t put_string(char *out, size_t *at, const char *string)
{
	size_t start = *at, size = strlen(string) + 1;

	memcpy(out + start, string, size);
	*at += size;
	return (uint32_t)start;
}

static void put_extensions(char *out, const struct plan *plan, size_t *strings)
{
	struct extensions directory = { .magic = EXTENSIONS_MAGIC,
					.count = plan->hwcaps_count ? 2 : 1 };
	size_t names = plan->generator - plan->hwcaps_count * sizeof(uint32_t);
	struct extension sections[] = {
		{ .tag = TAG_GENERATOR,
		  .offset = (uint32_t)plan->generator,
		  .size = sizeof(GENERATOR) - 1 },
		{ .tag = TAG_HWCAPS,
		  .offset = (uint32_t)names,
		  .size = (uint32_t)(plan->hwcaps_count * sizeof(uint32_t)) },
	};

	memcpy(out + plan->extensions, &directory, sizeof(directory));
	memcpy(out + plan->extensions + sizeof(directory), sections,
	       directory.count * sizeof(sections[0]));
	for (size_t i = 0; i < plan->hwcaps_count; i++) {
		uint32_t at = put_string(out, strings, plan->hwcaps[i]);

		memcpy(out + names + i * sizeof(at), &at, sizeof(at));
	}
	memcpy(out + plan->generator, GENERATOR, sizeof(GENERATOR) - 1);
}

static void put_entry(char *out, const struct plan *plan, size_t i, size_t *strings)
{
	const struct ldcache_entry *from = plan->entries[i].entry;
	struct entry entry = {
		.flags = from->flags,
		.os_version = from->os_version,
		.hwcap = from->hwcap,
	};

	if (from->hwcaps) {
		const char **found = bsearch(&from->hwcaps, plan->hwcaps, plan->hwcaps_count,
					     sizeof(*plan->hwcaps), compare_names);

		if (found)
			entry.hwcap |= (uint64_t)(found - plan->hwcaps);
	}
	entry.soname = put_string(out, strings, from->soname);
	entry.path = put_string(out, strings, from->path);
	memcpy(out + sizeof(struct head) + i * sizeof(entry), &entry, sizeof(entry));
}

void *ldcache_format(const struct ldcache *cache, size_t *len, struct error *err)
{
	struct plan plan = { .end = 0 };
	char *out = NULL;

	if (make_plan(&plan, cache, err) == 0 && !(out = calloc(1, plan.end + 1)))
		error_set(err, ENOMEM, "cannot make ld.so.cache");
	if (out) {
		struct head head = {
			.count = (uint32_t)cache->count,
			.byte_order = ORDER_NATIVE,
			.extensions = (uint32_t)plan.extensions,
		};
		size_t strings = plan.strings;

		memcpy(head.magic, NEW_MAGIC, sizeof(head.magic));
		for (size_t i = 0; i < cache->count; i++)
			put_entry(out, &plan, i, &strings);
		put_extensions(out, &plan, &strings);
		head.strings_size = (uint32_t)(strings - plan.strings);
		memcpy(out, &head, sizeof(head));
		*len = plan.end;
	}
	free(plan.entries);
	free(plan.hwcaps);
	return out;
}
