/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drivers.c - see grant.h: what a GPU's driver has for programs.
 *
 * Libraries are looked up in the node's ld.so.cache, by their sonames; none is opened, for a driver
 * has dozens, some of 100 MB.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/devices/grant.h"
#include "launcher/mpi/world.h"

#define CUDA "libcuda.so.1"

static bool matches(char *const *patterns, const char *name)
{
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

static const struct grant_library *find_library(const struct grant *grant, const char *soname,
						uint32_t flags, bool any)
{
	for (size_t i = 0; i < grant->library_count; i++)
		if (strcmp(grant->libraries[i].soname, soname) == 0 &&
		    (any || grant->libraries[i].flags == flags))
			return &grant->libraries[i];
	return NULL;
}

static int add_library(struct grant *grant, const struct ldcache_entry *entry, struct error *err)
{
	struct grant_library *bigger;
	struct grant_library library = { .flags = entry->flags };

	bigger = realloc(grant->libraries, (grant->library_count + 1) * sizeof(*bigger));
	if (!bigger)
		return error_set(err, ENOMEM, "cannot keep the driver's libraries");
	grant->libraries = bigger;
	library.soname = strdup(entry->soname);
	library.path = strdup(entry->path);
	bigger[grant->library_count++] = library;
	return library.soname && library.path
		       ? 0
		       : error_set(err, ENOMEM, "cannot keep the driver's libraries");
}

static int add_libraries(struct grant *grant, char *const *patterns, struct error *err)
{
	cleanup_close int node = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ldcache cache;
	int result = 0;

	world_read_cache(node, &cache);
	/* The first of a soname is the one that programs of the node get. */
	for (size_t i = 0; i < cache.count && result == 0; i++) {
		const struct ldcache_entry *entry = &cache.items[i];

		if (matches(patterns, entry->soname) && !strchr(entry->soname, '/') &&
		    !find_library(grant, entry->soname, entry->flags, false) &&
		    access(entry->path, R_OK) == 0)
			result = add_library(grant, entry, err);
	}
	ldcache_done(&cache);
	return result;
}

/* Programs go where they are found in the container, too. The driver's own directory is first: some
 * nodes have scripts in /usr/bin that call what is there, which an image has not. */
static int add_programs(struct grant *grant, char *const *names, struct error *err)
{
	static const char *const directories[] = { "/usr/local/nvidia/bin", "/usr/bin",
						   "/usr/local/bin", "/opt/bin" };

	for (; *names; names++)
		for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
			cleanup_free char *source = path_join(directories[i], *names);
			cleanup_free char *target = path_join("/usr/bin", *names);

			if (!source || !target)
				return error_set(err, ENOMEM, "cannot keep the driver's programs");
			if (access(source, X_OK) < 0)
				continue;
			if (grant_mount_if(grant, source, target, MOUNT_ATTR_RDONLY, err) < 0)
				return -1;
			break;
		}
	return 0;
}

/* The kernel's part and that of programs are of one version, or nothing works: half an update does
 * that. The file that libcuda.so.1 is a link to has the version in its name. */
static void note_mismatch(struct grant *grant)
{
	const struct grant_library *cuda = find_library(grant, CUDA, 0, true);
	cleanup_free char *kernel = gpu_nvidia_version("");
	cleanup_free char *real = cuda ? realpath(cuda->path, NULL) : NULL;
	const char *version = real ? strstr(real, ".so.") : NULL;
	struct error *note;

	if (!kernel || (cuda && (!version || strcmp(version + 4, "1") == 0)))
		return;
	if (cuda && strcmp(version + 4, kernel) == 0)
		return;
	note = notes_add(&grant->notes);
	if (!cuda) {
		error_set(note, 0, "CUDA will not start: the node's ld.so.cache has no '" CUDA "'");
		error_remedy(note,
			     "tell your admin: install the driver's libraries, or run ldconfig");
		return;
	}
	error_set(note, 0,
		  "CUDA will not start: the node's driver is of version %s, its library '%s' of %s",
		  kernel, cuda->path, version + 4);
	error_remedy(note, "tell your admin: one of them was updated without the other; reboot");
}

static bool has_nvidia(const struct grant *grant)
{
	for (size_t i = 0; i < grant->granted_count; i++)
		if (grant->granted[i]->vendor == GPU_NVIDIA)
			return true;
	return false;
}

int grant_driver(struct grant *grant, const struct conf *conf, struct error *err)
{
	if (add_libraries(grant, conf->gpu_libraries, err) < 0)
		return -1;
	/* Without a driver there is nothing to run, and with another one these are not its files. */
	if (grant->library_count > 0 && (add_programs(grant, conf->gpu_programs, err) < 0 ||
					 grant_files(grant, conf->gpu_files, err) < 0))
		return -1;
	if (has_nvidia(grant))
		note_mismatch(grant);
	return 0;
}
