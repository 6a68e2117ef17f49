/* SPDX-License-Identifier: BSD-3-Clause */
/* world_places.c - see world.h: all the directories where libraries are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/mpi/rooted.h"
#include "launcher/mpi/world.h"

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot look for libraries");
}

static int add_all(struct paths *paths, char *const *directories, struct error *err)
{
	for (; *directories; directories++)
		if (paths_add_directory(paths, *directories, strlen(*directories), err) < 0)
			return -1;
	return 0;
}

static int add_cached(struct paths *paths, const struct ldcache *cache, struct error *err)
{
	for (size_t i = 0; i < cache->count; i++) {
		const char *path = cache->items[i].path, *last = strrchr(path, '/');

		if (last && paths_add_directory(paths, path,
						last == path ? 1 : (size_t)(last - path), err) < 0)
			return -1;
	}
	return 0;
}

struct identity {
	dev_t dev;
	ino_t ino;
};

/* Leaves out what is no directory, and other paths of one that is there. */
static int keep_distinct(const struct world *world, struct paths *paths, struct error *err)
{
	cleanup_free struct identity *seen = calloc(paths->count + 1, sizeof(*seen));
	size_t kept = 0;

	if (!seen)
		return out_of_memory(err);
	for (size_t i = 0; i < paths->count; i++) {
		cleanup_close int fd =
			open_in_root(world->root, paths->items[i], O_PATH | O_DIRECTORY);
		struct stat st;
		bool is_new = fd >= 0 && fstat(fd, &st) == 0;

		for (size_t j = 0; j < kept && is_new; j++)
			is_new = seen[j].dev != st.st_dev || seen[j].ino != st.st_ino;
		if (!is_new) {
			free(paths->items[i]);
			continue;
		}
		seen[kept] = (struct identity){ .dev = st.st_dev, .ino = st.st_ino };
		paths->items[kept++] = paths->items[i];
	}
	if (paths->items)
		paths->items[kept] = NULL;
	paths->count = kept;
	return 0;
}

/* Every directory where a library may be. */
static int find_directories(const struct world *world, const char *const more[],
			    struct paths *paths, int *budget, struct error *err)
{
	if (add_all(paths, world->extra, err) < 0 || add_cached(paths, &world->cache, err) < 0 ||
	    add_all(paths, world->standard, err) < 0)
		return -1;
	for (; more && *more; more++)
		if (rooted_glob(world->root, *more, paths, budget, err) < 0)
			return -1;
	return keep_distinct(world, paths, err);
}

static int each_in(const struct world *world, const char *directory, const char *name,
		   int (*each)(void *context, const char *path), void *context, int *budget)
{
	DIR *dir = rooted_list(world->root, directory);
	const struct dirent *entry;
	int result = 0;

	while (dir && result == 0 && *budget > 0 && (entry = readdir(dir))) {
		cleanup_free char *path = NULL;

		(*budget)--;
		if (fnmatch(name, entry->d_name, FNM_PERIOD) == 0 &&
		    (path = path_join(directory, entry->d_name)))
			result = each(context, path);
	}
	if (dir)
		closedir(dir);
	return result;
}

int world_each(const struct world *world, const char *name, const char *const more[],
	       int (*each)(void *context, const char *path), void *context, struct error *err)
{
	struct paths paths = { .count = 0 };
	int budget = ENTRIES_MAX;
	int result = find_directories(world, more, &paths, &budget, err);

	budget = ENTRIES_MAX;
	for (size_t i = 0; i < paths.count && result == 0; i++)
		result = each_in(world, paths.items[i], name, each, context, &budget);
	strings_free(paths.items);
	return result;
}

char **world_places(const struct world *world, const char *name, const char *const more[],
		    struct error *err)
{
	struct paths paths = { .count = 0 }, places = { .count = 0 };
	int budget = ENTRIES_MAX;
	int result = find_directories(world, more, &paths, &budget, err);

	for (size_t i = 0; i < paths.count && result == 0; i++) {
		char *path = path_join(paths.items[i], name);
		cleanup_close int fd = path ? open_in_root(world->root, path, O_PATH) : -1;
		struct stat st;

		if (path && (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
			free(path);
		else
			result = paths_take(&places, path, err);
	}
	strings_free(paths.items);
	if (result == 0 && !places.items && !(places.items = calloc(1, sizeof(*places.items))))
		result = out_of_memory(err);
	if (result == 0)
		return places.items;
	strings_free(places.items);
	return NULL;
}
