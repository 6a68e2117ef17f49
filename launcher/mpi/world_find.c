/* SPDX-License-Identifier: BSD-3-Clause */
/* world_find.c - see world.h: finding a library as ld.so does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "common/fd.h"
#include "launcher/mpi/rooted.h"
#include "launcher/mpi/world.h"

#define PATH_TEXT_MAX (64l * 1024) /* of an RPATH, its variables filled in */

struct search {
	const struct world *world;
	const char *soname;
	enum elf_part part;
	struct library *found;
	struct error *err; /* set: the first file that could not be taken */
};

/* Takes the file if it is a library for this machine. */
static bool try_path(struct search *search, const char *path)
{
	const struct world *world = search->world;
	struct error why = ERROR_INIT;
	struct library *library = world_open(world, path, search->part, &why);

	if (!library && why.errnum != ENOENT && why.errnum != ENOTDIR && !search->err->cause[0])
		*search->err = why;
	if (library && world_can_run(world, library)) {
		search->found = library;
		return true;
	}
	library_free(library);
	return false;
}

static bool try_directories(struct search *search, char *const *directories)
{
	for (; *directories; directories++) {
		cleanup_free char *path = path_join(*directories, search->soname);

		if (path && try_path(search, path))
			return true;
	}
	return false;
}

static bool try_cache(struct search *search, bool with_hwcaps)
{
	const struct ldcache *cache = &search->world->cache;

	for (size_t i = 0; i < cache->count; i++) {
		const struct ldcache_entry *entry = &cache->items[i];

		if ((entry->hwcaps || entry->hwcap) == with_hwcaps &&
		    (!search->world->flags || entry->flags == search->world->flags) &&
		    ldcache_compare(entry->soname, search->soname) == 0 &&
		    try_path(search, entry->path))
			return true;
	}
	return false;
}

/* If `text` begins with $NAME or ${NAME}: how long that is. */
static size_t variable(const char *text, const char *name)
{
	size_t len = strlen(name), brace = text[1] == '{';

	if (text[0] != '$' || strncmp(text + 1 + brace, name, len) != 0)
		return 0;
	if (brace)
		return text[2 + len] == '}' ? len + 3 : 0;
	return len + 1;
}

/* The directory that ld.so knows of a file: a program's is that of the real one. */
static char *origin(const struct library *library)
{
	const char *path = library->elf.soname ? library->path : library->real;
	const char *last = strrchr(path, '/');

	return last ? strndup(path, last == path ? 1 : (size_t)(last - path)) : NULL;
}

/* Fills in the variables that ld.so has, in a fresh string; NULL if it is too long. */
static char *expand(const struct world *world, const char *text, const struct library *wanted_by)
{
	const char *platform = (const char *)getauxval(AT_PLATFORM);
	cleanup_free char *directory = wanted_by ? origin(wanted_by) : NULL;
	char *out = NULL;
	size_t size = 0, len;
	FILE *stream = open_memstream(&out, &size);

	if (!stream)
		return NULL;
	while (*text && ftell(stream) < PATH_TEXT_MAX) {
		const char *value = NULL;

		if ((len = variable(text, "ORIGIN")))
			value = directory;
		else if ((len = variable(text, "LIB")))
			value = world->lib;
		else if ((len = variable(text, "PLATFORM")))
			value = platform;
		if (len && value)
			fputs(value, stream);
		else if (!len)
			fputc(*text, stream);
		text += len ? len : 1;
	}
	len = strlen(text);
	if (fclose(stream) != 0 || len > 0) {
		free(out);
		return NULL;
	}
	return out;
}

/* Tries the directories of an RPATH or RUNPATH. */
static bool try_text(struct search *search, const char *text, const struct library *wanted_by)
{
	cleanup_free char *expanded = text ? expand(search->world, text, wanted_by) : NULL;
	struct error ignored = ERROR_INIT;
	struct paths paths = { .count = 0 };
	bool is_found = false;

	if (expanded && paths_add_text(&paths, expanded, ":", &ignored) == 0 && paths.items)
		is_found = try_directories(search, paths.items);
	strings_free(paths.items);
	return is_found;
}

/* In the order of ld.so. */
static bool try_all(struct search *search, const struct library *wanted_by)
{
	const struct world *world = search->world;
	const char *rpath = wanted_by ? wanted_by->elf.rpath : NULL;
	const char *runpath = wanted_by ? wanted_by->elf.runpath : NULL;

	if (strchr(search->soname, '/')) {
		cleanup_free char *path = expand(world, search->soname, wanted_by);

		return path && path[0] == '/' && try_path(search, path);
	}
	return (!world->is_musl && try_text(search, rpath, wanted_by)) ||
	       try_directories(search, world->extra) ||
	       (world->is_musl && try_text(search, rpath, wanted_by)) ||
	       try_text(search, runpath, wanted_by) || try_cache(search, false) ||
	       try_directories(search, world->standard) || try_cache(search, true);
}

struct library *world_find(const struct world *world, const char *soname,
			   const struct library *wanted_by, enum elf_part part, struct error *err)
{
	struct error why = ERROR_INIT;
	struct search search = { .world = world, .soname = soname, .part = part, .err = &why };

	if (try_all(&search, wanted_by))
		return search.found;
	if (why.cause[0]) {
		*err = why;
		return NULL;
	}
	error_set(err, 0, "the %s has no library '%s'", world->name, soname);
	err->errnum = ENOENT;
	return NULL;
}
