/* SPDX-License-Identifier: BSD-3-Clause */
/* belongings.c - see belongings.h. */
#include "launcher/mpi/belongings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/mpi/rooted.h"

#define DEPTH_MAX      4
#define COMPONENTS_MAX 4096 /* of one library; Open MPI has about a hundred */

/* In which directory a path starts. */
enum base {
	BASE_LIBRARY, /* that of the library */
	BASE_PREFIX, /* where it was installed: "/opt/openmpi" of "/opt/openmpi/lib/libmpi.so.40" */
	BASE_CONFIG  /* etc below that, /etc for "/usr" */
};

static const struct {
	const char *library;
	enum base base;
	const char *path;
} belongings[] = {
	{ "libopen-pal.so", BASE_LIBRARY, "openmpi" },
	{ "libopen-pal.so", BASE_PREFIX, "share/openmpi" },
	{ "libopen-pal.so", BASE_CONFIG, "openmpi" },
	{ "libpmix.so", BASE_LIBRARY, "pmix" },
	{ "libpmix.so", BASE_PREFIX, "share/pmix" },
	{ "libucs.so", BASE_LIBRARY, "ucx" },
	{ "libfabric.so", BASE_LIBRARY, "libfabric" },
	{ "libhwloc.so", BASE_LIBRARY, "hwloc" },
	{ "libibverbs.so", BASE_LIBRARY, "libibverbs" },
	{ "libibverbs.so", BASE_CONFIG, "libibverbs.d" },
};

/* "/opt/openmpi" of "/opt/openmpi/lib64", "/usr" of "/usr/lib/x86_64-linux-gnu". */
static size_t prefix_len(const char *dir)
{
	const char *lib = dir, *found = NULL;

	while ((lib = strstr(lib, "/lib")))
		found = lib++;
	return found ? (size_t)(found - dir) : strlen(dir);
}

static int format(char **path, const char *dir, enum base base, const char *name)
{
	size_t len = prefix_len(dir);
	bool is_system = len == 0 || (len == 4 && strncmp(dir, "/usr", len) == 0);

	if (base == BASE_LIBRARY)
		return asprintf(path, "%s/%s", dir, name);
	if (base == BASE_PREFIX)
		return asprintf(path, "%.*s/%s", (int)len, dir, name);
	if (is_system)
		return asprintf(path, "/etc/%s", name);
	return asprintf(path, "%.*s/etc/%s", (int)len, dir, name);
}

int belongings_add(struct bring *bring, const struct library *library, struct error *err)
{
	const char *slash = strrchr(library->real, '/');
	cleanup_free char *dir = strndup(library->real, (size_t)(slash - library->real));
	const char *name = library_name(library);

	if (!dir)
		return error_set(err, ENOMEM, "cannot tell where '%s' is", library->real);
	for (size_t i = 0; i < sizeof(belongings) / sizeof(belongings[0]); i++) {
		cleanup_free char *path = NULL;

		if (strncmp(name, belongings[i].library, strlen(belongings[i].library)) != 0)
			continue;
		if (format(&path, dir, belongings[i].base, belongings[i].path) < 0) {
			path = NULL;
			return error_set(err, ENOMEM, "cannot tell where '%s' is", library->real);
		}
		if (bring_add_directory(bring, path, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- components ------------------------------------------------------------------------------ */

struct walk {
	const struct world *world;
	int (*each)(void *context, const char *path);
	void *context;
	size_t seen;
};

static bool is_shared_object(const char *name)
{
	const char *so = strstr(name, ".so");

	return so && (so[3] == '\0' || so[3] == '.');
}

static int walk(struct walk *state, const char *dir, int depth)
{
	DIR *stream = rooted_list(state->world->root, dir);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return 0;
	while (result == 0 && (entry = readdir(stream)) && state->seen < COMPONENTS_MAX) {
		cleanup_free char *path = NULL;

		if (entry->d_name[0] == '.' || !(path = path_join(dir, entry->d_name)))
			continue;
		if (entry->d_type == DT_DIR && depth < DEPTH_MAX) {
			result = walk(state, path, depth + 1);
		} else if (entry->d_type != DT_DIR && is_shared_object(entry->d_name)) {
			state->seen++;
			result = state->each(state->context, path);
		}
	}
	closedir(stream);
	return result;
}

int belongings_each(const struct world *world, const char *path,
		    int (*each)(void *context, const char *path), void *context)
{
	struct walk state = { .world = world, .each = each, .context = context };

	return walk(&state, path, 0);
}
