/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ldcache_parse.c - reads an ld.so.cache, alone or behind one of the old format.
 *
 * Nothing in it is believed: each offset and count is held against the size of the file, and what strings take
 * in memory is bounded.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/mpi/ldcache_inner.h"

#define OLD_MAGIC   "ld.so-1.7.0"
#define ENTRIES_MAX 65536
#define STRINGS_MAX (64ul * 1024 * 1024) /* bytes in memory: entries may share them in the file */

struct old_head {
	char magic[sizeof(OLD_MAGIC) - 1];
	uint32_t count;
};

#define OLD_ENTRY_SIZE (3 * sizeof(uint32_t))

/* Bits of `hwcap`: the lower half numbers a subdirectory, ten bits are a level of the processor. */
#define HWCAP_NAMED   (UINT64_C(1) << 62)
#define HWCAP_LEVELS  (UINT64_C(0x3ff) << 32)
#define HWCAP_NUMBERS UINT64_C(0xffffffff)

/* A file that is being read. */
struct text {
	const char *data;
	size_t len, head; /* where the head begins */
	uint32_t hwcaps, hwcaps_count;
	size_t budget; /* what strings may still take */
};

static int damaged(struct error *err, const char *what)
{
	return error_set(err, 0, "damaged ld.so.cache: %s", what);
}

static bool get(const struct text *text, uint64_t at, void *to, size_t size)
{
	if (at > text->len || text->len - at < size)
		return false;
	memcpy(to, text->data + at, size);
	return true;
}

/* The string at `at`; NULL if there is none that could be a path. */
static const char *string_at(const struct text *text, uint64_t at)
{
	size_t rest;

	if (at >= text->len)
		return NULL;
	rest = text->len - at;
	if (rest > PATH_MAX)
		rest = PATH_MAX;
	return memchr(text->data + at, '\0', rest) ? text->data + at : NULL;
}

static int find_head(struct text *text, struct head *head, struct error *err)
{
	struct old_head old;

	if (get(text, 0, &old, sizeof(old)) &&
	    memcmp(old.magic, OLD_MAGIC, sizeof(old.magic)) == 0) {
		uint64_t end = sizeof(old) + (uint64_t)old.count * OLD_ENTRY_SIZE;

		text->head = end > text->len ? text->len : (end + 7) & ~UINT64_C(7);
	}
	if (!get(text, text->head, head, sizeof(*head)) ||
	    memcmp(head->magic, NEW_MAGIC, sizeof(head->magic)) != 0)
		return damaged(err, "not in the format of glibc 2.2 and later");
	if (head->byte_order != ORDER_UNKNOWN && (head->byte_order & ORDER_MASK) != ORDER_NATIVE)
		return damaged(err, "made for another byte order");
	if ((text->len - text->head - sizeof(*head)) / sizeof(struct entry) < head->count ||
	    head->count > ENTRIES_MAX)
		return damaged(err, "too many entries");
	return 0;
}

/* Finds the names of subdirectories. */
static int find_extensions(struct text *text, uint32_t at, struct error *err)
{
	struct extensions directory;
	struct extension section;

	if (at == 0)
		return 0;
	if (at % sizeof(uint32_t) || !get(text, at, &directory, sizeof(directory)) ||
	    directory.magic != EXTENSIONS_MAGIC ||
	    directory.count > (text->len - at - sizeof(directory)) / sizeof(section))
		return damaged(err, "its extensions");
	for (uint32_t i = 0; i < directory.count; i++) {
		uint64_t from = at + sizeof(directory) + (uint64_t)i * sizeof(section);

		if (!get(text, from, &section, sizeof(section)) || section.offset > text->len ||
		    text->len - section.offset < section.size)
			return damaged(err, "its extensions");
		if (section.tag != TAG_HWCAPS)
			continue;
		text->hwcaps = section.offset;
		text->hwcaps_count = section.offset % sizeof(uint32_t)
					     ? 0
					     : section.size / (uint32_t)sizeof(uint32_t);
	}
	return 0;
}

static bool is_named(uint64_t hwcap)
{
	return (hwcap & ~(HWCAP_NUMBERS | HWCAP_LEVELS)) == HWCAP_NAMED;
}

static const char *hwcaps_of(const struct text *text, uint64_t hwcap)
{
	uint32_t number = (uint32_t)(hwcap & HWCAP_NUMBERS), at;

	if (number >= text->hwcaps_count ||
	    !get(text, text->hwcaps + (uint64_t)number * sizeof(at), &at, sizeof(at)))
		return NULL;
	return string_at(text, at);
}

static int read_entry(struct ldcache *cache, struct text *text, uint64_t at, struct error *err)
{
	const char *soname, *path, *hwcaps = NULL;
	struct ldcache_entry kept;
	struct entry entry;
	size_t len;

	if (!get(text, at, &entry, sizeof(entry)))
		return damaged(err, "it is truncated");
	soname = string_at(text, text->head + (uint64_t)entry.soname);
	path = string_at(text, text->head + (uint64_t)entry.path);
	if (is_named(entry.hwcap))
		hwcaps = hwcaps_of(text, entry.hwcap);
	if (!soname || !path || (is_named(entry.hwcap) && !hwcaps))
		return 0;
	len = strlen(soname) + strlen(path) + (hwcaps ? strlen(hwcaps) : 0);
	if (len > text->budget)
		return damaged(err, "its strings are too long");
	text->budget -= len;
	kept = (struct ldcache_entry){
		.flags = entry.flags,
		.os_version = entry.os_version,
		.hwcap = hwcaps ? entry.hwcap & ~HWCAP_NUMBERS : entry.hwcap,
	};
	return ldcache_keep(cache, soname, path, hwcaps, kept, err);
}

int ldcache_parse(struct ldcache *cache, const void *data, size_t len, struct error *err)
{
	struct text text = { .data = data, .len = len, .budget = STRINGS_MAX };
	struct head head = { .count = 0 };
	uint64_t at;

	*cache = (struct ldcache){ .count = 0 };
	if (len == 0)
		return 0;
	if (find_head(&text, &head, err) < 0 || find_extensions(&text, head.extensions, err) < 0)
		return -1;
	cache->items = calloc(head.count + 1u, sizeof(*cache->items));
	if (!cache->items)
		return error_set(err, ENOMEM, "cannot read ld.so.cache");
	at = text.head + sizeof(head);
	for (uint32_t i = 0; i < head.count; i++, at += sizeof(struct entry))
		if (read_entry(cache, &text, at, err) < 0) {
			ldcache_done(cache);
			return -1;
		}
	return 0;
}
