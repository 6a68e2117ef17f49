/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ldcache.c - see ldcache.h.
 *
 * What a cache is, from its beginning: a head, entries, strings, and since glibc 2.33 a directory of
 * extensions. Offsets of strings count from the head, those of extensions and of the strings that they
 * name from the beginning of the file, which differs where the old format comes first. What is written
 * has no old format.
 */
#include "launcher/mpi/ldcache.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

#ifndef EM_LOONGARCH /* glibc 2.34 */
#define EM_LOONGARCH 258
#endif

#define OLD_MAGIC   "ld.so-1.7.0"
#define NEW_MAGIC   "glibc-ld.so.cache1.1"
#define ENTRIES_MAX 65536
#define STRINGS_MAX (64ul * 1024 * 1024) /* bytes in memory: entries may share them in the file */

struct old_head {
	char magic[sizeof(OLD_MAGIC) - 1];
	uint32_t count;
};

#define OLD_ENTRY_SIZE (3 * sizeof(uint32_t))

struct head {
	char magic[sizeof(NEW_MAGIC) - 1];
	uint32_t count, strings_size;
	uint8_t byte_order, unused[3];
	uint32_t extensions; /* offset, 0: none */
	uint32_t unused_too[3];
};

struct entry {
	uint32_t flags, soname, path, os_version; /* offsets */
	uint64_t hwcap;
};

_Static_assert(sizeof(struct head) == 48 && sizeof(struct entry) == 24, "as glibc has them");

enum {
	ORDER_UNKNOWN = 0,
	ORDER_LITTLE = 2,
	ORDER_BIG = 3,
	ORDER_MASK = 3
};

#define ORDER_NATIVE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ORDER_LITTLE : ORDER_BIG)

struct extensions {
	uint32_t magic, count;
};

#define EXTENSIONS_MAGIC 0xeaa42174u

struct extension {
	uint32_t tag, flags, offset, size;
};

enum {
	TAG_GENERATOR = 0,
	TAG_HWCAPS = 1
};

#define GENERATOR "davit"

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

static void entry_done(struct ldcache_entry *entry)
{
	free(entry->soname);
	free(entry->path);
	free(entry->hwcaps);
}

static int keep_entry(struct ldcache *cache, const char *soname, const char *path,
		      const char *hwcaps, struct ldcache_entry entry, struct error *err)
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
	return keep_entry(cache, soname, path, hwcaps, kept, err);
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
	if (keep_entry(cache, soname, path, NULL, (struct ldcache_entry){ .flags = flags }, err) <
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
