/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ldcache.h - /etc/ld.so.cache, read and written.
 *
 * The format is glibc's "glibc-ld.so.cache1.1" (sysdeps/generic/dl-cache.h), alone or behind the old
 * "ld.so-1.7.0". Files may come from a hostile image.
 */
#ifndef DAVIT_MPI_LDCACHE_H
#define DAVIT_MPI_LDCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define LDCACHE_PATH "/etc/ld.so.cache"

struct ldcache_entry {
	char *soname, *path;
	char *hwcaps;   /* subdirectory of glibc-hwcaps that the processor must allow, or NULL */
	uint32_t flags; /* which library for which architecture: as in the file */
	uint32_t os_version; /* as in the file */
	uint64_t hwcap;      /* as in the file, but without the number of `hwcaps` */
};

struct ldcache {
	/* In the file's order. Of those with one soname the first that fits wins; among those with
	 * `hwcaps`, which come first, the one that ld.so likes best. */
	struct ldcache_entry *items;
	size_t count;
};

/* Reads the text of a cache. An empty one is valid. Entries that ld.so passes over, since they point
 * nowhere, are left out. Returns 0, or -1 with `err` set. */
int ldcache_parse(struct ldcache *cache, const void *data, size_t len, struct error *err);
void ldcache_done(struct ldcache *cache);

/* Adds an entry, in the place of all others of its soname and flags: one of those for a better
 * processor would be taken before it. Strings are copied. Returns 0, or -1 with `err` set. */
int ldcache_add(struct ldcache *cache, const char *soname, const char *path, uint32_t flags,
		struct error *err);

/* The text of the cache, in a fresh buffer of *len bytes, as ldconfig(8) would order it. The order of
 * entries with the same soname, flags and hwcaps stays. NULL with `err` set on failure. */
void *ldcache_format(const struct ldcache *cache, size_t *len, struct error *err);

/* Compares sonames as the cache's order has it, numbers in them by their value; 0: ld.so takes one for
 * the other. */
int ldcache_compare(const char *a, const char *b);

/* The `flags` that entries for libraries of this ELF class and machine have; 0 if not known. */
uint32_t ldcache_flags(uint8_t class, uint16_t machine);

#endif
