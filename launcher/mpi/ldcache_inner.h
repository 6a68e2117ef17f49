/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ldcache_inner.h - an ld.so.cache as glibc has it in the file; for ldcache*.c only.
 *
 * What a cache is, from its beginning: a head, entries, strings, and since glibc 2.33 a directory of
 * extensions. Offsets of strings count from the head, those of extensions and of the strings that they
 * name from the beginning of the file, which differs where the old format comes first.
 */
#ifndef DAVIT_MPI_LDCACHE_INNER_H
#define DAVIT_MPI_LDCACHE_INNER_H

#include "launcher/mpi/ldcache.h"

#define NEW_MAGIC "glibc-ld.so.cache1.1"

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

/* Puts a copy of `entry` with copies of these strings at the end of the cache, where there must be room.
 * `hwcaps` may be NULL. Returns 0, or -1 with `err` set. */
int ldcache_keep(struct ldcache *cache, const char *soname, const char *path, const char *hwcaps,
		 struct ldcache_entry entry, struct error *err);

#endif
