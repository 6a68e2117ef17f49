/* SPDX-License-Identifier: BSD-3-Clause */
/* providers.c - see providers.h. */
#include "launcher/devices/providers.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/mpi/bring.h"

#define PLACE "/dev/davit-nic/"

static int init_worlds(struct world *image, struct world *node, int image_root, int node_root,
		       struct error *err)
{
	struct elf_file own;
	int result = -1;

	if (elf_file_read_own(&own, err) < 0)
		return -1;
	if (world_init(image, image_root, "image", NULL, own.class, own.machine, err) == 0 &&
	    world_init(node, node_root, "node", NULL, own.class, own.machine, err) == 0)
		result = 0;
	elf_file_done(&own);
	return result;
}

/* Adds the libraries that the patterns name and the node has. */
static int add_libraries(struct bring *bring, char *const *patterns, struct error *err)
{
	const struct ldcache *cache = &bring->node->cache;

	for (; *patterns; patterns++)
		for (size_t i = 0; i < cache->count; i++) {
			struct error why = ERROR_INIT;

			if (fnmatch(*patterns, cache->items[i].soname, 0) != 0 ||
			    cache->items[i].flags != bring->node->flags)
				continue;
			if (bring_add_library(bring, cache->items[i].soname, &why) < 0) {
				*err = why;
				return -1;
			}
		}
	return 0;
}

static bool brings_any(const struct bring *bring)
{
	for (size_t i = 0; i < bring->count; i++)
		if (bring->items[i].from == BRING_NODE && !bring->items[i].is_component)
			return true;
	return false;
}

static void note_left_out(struct bring *bring, char *const *patterns, struct notes *notes)
{
	for (size_t i = 0; i < bring->count; i++)
		for (char *const *at = patterns; *at; at++) {
			struct error why = ERROR_INIT;

			if (fnmatch(*at, bring->items[i].soname, 0) != 0 ||
			    !bring_is_left_out(bring, bring->items[i].soname, &why))
				continue;
			error_wrap(&why, "no '%s' of the node's in the container",
				   bring->items[i].soname);
			/* Its own remedy is about MPI. */
			why.remedy[0] = '\0';
			error_remedy(&why, "an image with that library, or with a newer system");
			notes_copy(notes, &why);
			break;
		}
}

/* Configuration and providers go with the libraries: without one of those they would be another build's. */
static int add_files(struct bring *bring, const struct conf *conf, struct root *root,
		     struct error *err)
{
	for (char **path = conf->nic_files; path && *path; path++) {
		if (rooted_has_directory(bring->node->root, *path)) {
			if (bring_add_directory(bring, *path, err) < 0)
				return -1;
		} else if (access(*path, R_OK) == 0 &&
			   root_bind(root, *path, *path, true, err) < 0) {
			return -1;
		}
	}
	return bring_decide(bring, err);
}

static int place(struct bring *bring, struct world *image, const struct conf *conf,
		 struct root *root, struct notes *notes, struct error *err)
{
	if (add_libraries(bring, conf->nic_libraries, err) < 0 || bring_decide(bring, err) < 0)
		return -1;
	note_left_out(bring, conf->nic_libraries, notes);
	if (!brings_any(bring))
		return 0;
	if (add_files(bring, conf, root, err) < 0)
		return -1;
	return bring_mount(bring, root, &image->cache, err);
}

int providers_place(const struct conf *conf, int node, struct root *root, struct notes *notes,
		    struct error *err)
{
	struct world image = { .root = -1 }, of_node = { .root = -1 };
	struct bring bring = { .image = &image, .node = &of_node, .place = PLACE };
	int result = -1;

	if (!conf->nic_libraries || !conf->nic_libraries[0])
		return 0;
	if (init_worlds(&image, &of_node, root->fd, node, err) == 0)
		result = image.is_musl ? 0 : place(&bring, &image, conf, root, notes, err);
	bring_done(&bring);
	world_done(&image);
	world_done(&of_node);
	return result;
}
