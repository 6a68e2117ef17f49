/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_ldcache.c - any bytes as an ld.so.cache.
 *
 * What was read and is written is the same when it is read and written once more, no entry is lost,
 * and the order is the one that ld.so searches by. An entry that is added is the one of its soname.
 */
/* link: launcher/mpi/ldcache.c launcher/mpi/ldcache_format.c launcher/mpi/ldcache_parse.c common/error.c */
#include "tests/fuzz/fuzz.h"

#include "launcher/mpi/ldcache.h"

static void *format(const struct ldcache *cache, size_t *len)
{
	struct error err = ERROR_INIT;
	void *text = ldcache_format(cache, len, &err);

	assert(text && !err.cause[0]);
	return text;
}

static struct ldcache parse(const void *text, size_t len)
{
	struct error err = ERROR_INIT;
	struct ldcache cache;

	assert(ldcache_parse(&cache, text, len, &err) == 0);
	return cache;
}

static void check_order(const struct ldcache *cache)
{
	for (size_t i = 1; i < cache->count; i++) {
		const struct ldcache_entry *entry = &cache->items[i];
		int order = ldcache_compare(entry[-1].soname, entry->soname);

		assert(order >= 0);
		if (order == 0 && entry[-1].flags == entry->flags)
			assert(entry[-1].hwcaps || !entry->hwcaps);
	}
}

/* The sum of what all entries have: it does not depend on their order. */
static uint64_t sum(const struct ldcache *cache)
{
	uint64_t total = cache->count;

	for (size_t i = 0; i < cache->count; i++) {
		const struct ldcache_entry *entry = &cache->items[i];

		total += entry->flags * 3ull + entry->os_version * 5ull + entry->hwcap * 7ull +
			 strlen(entry->soname) * 11ull + strlen(entry->path) * 13ull +
			 (entry->hwcaps ? strlen(entry->hwcaps) : 0) * 17ull;
	}
	return total;
}

static void check_added(struct ldcache *cache, const char *soname)
{
	struct error err = ERROR_INIT;
	char *copy = strdup(soname);
	size_t found = 0;

	assert(copy && ldcache_add(cache, copy, "/added", 0x303, &err) == 0);
	for (size_t i = 0; i < cache->count; i++)
		if (cache->items[i].flags == 0x303 &&
		    ldcache_compare(cache->items[i].soname, copy) == 0) {
			assert(strcmp(cache->items[i].path, "/added") == 0);
			found++;
		}
	assert(found == 1);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct error err = ERROR_INIT;
	struct ldcache cache;
	int result;

	assert(text);
	if (size > 0)
		memcpy(text, data, size);
	result = ldcache_parse(&cache, text, size, &err);
	fuzz_check_error(result, &err);
	free(text);
	if (result == 0) {
		size_t first_len, second_len;
		void *first = format(&cache, &first_len);
		struct ldcache again = parse(first, first_len);
		void *second = format(&again, &second_len);

		assert(again.count == cache.count && sum(&again) == sum(&cache));
		check_order(&again);
		assert(first_len == second_len && memcmp(first, second, first_len) == 0);
		check_added(&again, again.count ? again.items[again.count / 2].soname : "lib.so");
		free(first);
		free(second);
		ldcache_done(&again);
	}
	ldcache_done(&cache);
	return 0;
}
