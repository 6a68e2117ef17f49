/* SPDX-License-Identifier: BSD-3-Clause */
/* ldcache.c - see ldcache.h. Reading is in ldcache_parse.c, writing in ldcache_format.c. */
#include "launcher/mpi/ldcache_inner.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef EM_LOONGARCH /* glibc 2.34 */
#define EM_LOONGARCH 258
#endif

static void entry_done(struct ldcache_entry *entry)
{
	free(entry->soname);
	free(entry->path);
	free(entry->hwcaps);
}

int ldcache_keep(struct ldcache *cache, const char *soname, const char *path, const char *hwcaps,
		 struct ldcache_entry entry, struct error *err)
{
	entry.soname = strdup(soname);
	entry.path = strdup(path);
	entry.hwcaps = hwcaps ? strdup(hwcaps) : NULL;
	if (!entry.soname || !entry.path || (hwcaps && !entry.hwcaps)) {
		entry_done(&entry);
		return error_set(err, ENOMEM, "cannot read ld.so.cache");
	}
	cache->items[cache->count++] = entry;
	return 0;
}

void ldcache_done(struct ldcache *cache)
{
	for (size_t i = 0; i < cache->count; i++)
		entry_done(&cache->items[i]);
	free(cache->items);
	*cache = (struct ldcache){ .count = 0 };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number at *text, which wraps as ld.so's does. */
static int32_t number(const char **text)
{
	uint32_t value = 0;

	for (; is_digit(**text); (*text)++)
		value = value * 10 + (uint32_t)(**text - '0');
	return (int32_t)value;
}

/* Digits come after all else, and plain char is signed or not as on ld.so's machine. */
int ldcache_compare(const char *a, const char *b)
{
	while (*a || *b) {
		if (is_digit(*a) && is_digit(*b)) {
			int32_t left = number(&a), right = number(&b);

			if (left != right)
				return left < right ? -1 : 1;
		} else if (is_digit(*a) || is_digit(*b)) {
			return is_digit(*a) ? 1 : -1;
		} else if (*a != *b) {
			return *a < *b ? -1 : 1;
		} else {
			a++;
			b++;
		}
	}
	return 0;
}

int ldcache_add(struct ldcache *cache, const char *soname, const char *path, uint32_t flags,
		struct error *err)
{
	struct ldcache_entry *bigger;
	size_t kept = 0;

	bigger = realloc(cache->items, (cache->count + 1) * sizeof(*bigger));
	if (!bigger)
		return error_set(err, ENOMEM, "cannot add to ld.so.cache");
	cache->items = bigger;
	if (ldcache_keep(cache, soname, path, NULL, (struct ldcache_entry){ .flags = flags }, err) <
	    0)
		return -1;
	for (size_t i = 0; i < cache->count; i++) {
		struct ldcache_entry *item = &cache->items[i];

		if (i < cache->count - 1 && item->flags == flags &&
		    ldcache_compare(item->soname, soname) == 0)
			entry_done(item);
		else
			cache->items[kept++] = *item;
	}
	cache->count = kept;
	return 0;
}

uint32_t ldcache_flags(uint8_t class, uint16_t machine)
{
	static const struct {
		uint16_t machine;
		uint8_t class;
		uint32_t flags; /* 3 for a library of glibc, and the architecture */
	} known[] = {
		{ EM_X86_64, ELFCLASS64, 0x0303 },    { EM_X86_64, ELFCLASS32, 0x0803 },
		{ EM_386, ELFCLASS32, 0x0003 },       { EM_AARCH64, ELFCLASS64, 0x0a03 },
		{ EM_PPC64, ELFCLASS64, 0x0503 },     { EM_S390, ELFCLASS64, 0x0403 },
		{ EM_RISCV, ELFCLASS64, 0x1003 },     { EM_ARM, ELFCLASS32, 0x0903 },
		{ EM_LOONGARCH, ELFCLASS64, 0x1203 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].machine == machine && known[i].class == class)
			return known[i].flags;
	return 0;
}
