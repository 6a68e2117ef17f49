/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.h - a root directory in which libraries are found as ld.so(8) there would find them: the
 * node's, or that of an image.
 *
 * Each path is resolved inside the root directory: no link of an image leads out of it. What an image
 * has in the way (a FIFO with a library's name, a directory without end) is passed over.
 */
#ifndef DAVIT_MPI_WORLD_H
#define DAVIT_MPI_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "launcher/mpi/elf_file.h"
#include "launcher/mpi/ldcache.h"

/* The directory that was resolved last: libraries come many from one. */
struct world_memory {
	char *directory, *real; /* NULL: none yet */
};

struct world {
	int root;             /* O_PATH; the caller's */
	const char *name;     /* "image", "node": for messages; the caller's */
	struct ldcache cache; /* empty where there is none */
	char **extra; /* directories that come before the cache (LD_LIBRARY_PATH); ends with NULL */
	char **standard; /* directories that come after it; ends with NULL */
	char *lib;       /* what $LIB stands for: "lib64", "lib/x86_64-linux-gnu" */
	uint8_t class;
	uint16_t machine;
	uint32_t flags; /* of entries in the cache that count; 0: any */
	struct world_memory *memory;
	bool is_musl; /* its C library is musl: it has no ld.so.cache, but /lib/ld-musl-*.so.1 */
};

/* A library that was found. */
struct library {
	char *path; /* by which it was found, absolute in its world */
	char *real; /* the same without links */
	dev_t dev;
	ino_t ino;
	struct elf_file elf;
};

/* Reads the ld.so.cache below the directory `root`; empty where there is none or it is damaged. */
void world_read_cache(int root, struct ldcache *cache);

/* `library_path` is a value of LD_LIBRARY_PATH, or NULL; what is not absolute in it is left out.
 * `class` and `machine` as in struct elf_file. A cache that is missing or damaged counts as empty.
 * Returns 0, or -1 with `err` set. */
int world_init(struct world *world, int root, const char *name, const char *library_path,
	       uint8_t class, uint16_t machine, struct error *err);
void world_done(struct world *world);

/* Finds the library `soname` as it is found for `wanted_by` (NULL: for somebody without a RUNPATH):
 * its RPATH or RUNPATH with $ORIGIN, $LIB and $PLATFORM as ld.so has them, `extra`, the cache, the
 * default directories (also those of Debian's multiarch). The RPATH of those that want `wanted_by` is
 * not known here. A soname with a "/" is a path. Files of another class or machine are passed over,
 * and those for better processors (glibc-hwcaps) unless there is no other. Returns a library that
 * library_free releases; NULL with `err` set, err->errnum ENOENT where there is none. */
struct library *world_find(const struct world *world, const char *soname,
			   const struct library *wanted_by, enum elf_part part, struct error *err);

/* Opens the file at `path`, a library or program of any class and machine. NULL with `err` set, err->errnum
 * ENOENT where there is none, ENOEXEC where it is no ELF file. */
struct library *world_open(const struct world *world, const char *path, enum elf_part part,
			   struct error *err);
void library_free(struct library *library);

/* Its soname, or the last part of its path if it has none. */
const char *library_name(const struct library *library);

/* The path of a file in it without links, in a fresh string; NULL with errno set. */
char *world_real(const struct world *world, const char *path);

/* Is it for programs of this world's class and machine? */
bool world_can_run(const struct world *world, const struct library *library);

/* Calls `each` with the path of every file whose name matches the fnmatch(3) pattern `name`, in any
 * directory where libraries are looked for: `extra`, those in the cache, the default ones, and those
 * that match the glob(3) patterns `more` (absolute, ends with NULL; or NULL), in this order. A directory that
 * has several paths comes once; a file may still come several times, by links. Stops when `each`
 * returns another value than 0, and returns that; -1 with `err` set on failure. */
int world_each(const struct world *world, const char *name, const char *const more[],
	       int (*each)(void *context, const char *path), void *context, struct error *err);

/* The absolute paths by which a file `name` (a soname) can be found in those directories, for binding
 * another library over it; a fresh list that ends with NULL, for strings_free. A directory
 * that has several paths comes once. NULL with `err` set on failure. */
char **world_places(const struct world *world, const char *name, const char *const more[],
		    struct error *err);

#endif
