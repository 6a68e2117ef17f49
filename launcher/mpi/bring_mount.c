/* SPDX-License-Identifier: BSD-3-Clause */
/* bring_mount.c - see bring.h: puts what comes from the node into a container that is being built. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/mpi/bring.h"
#include "launcher/mpi/loader.h"

/* Mounts `from` of the node at `to` in the container, as strictly as the user's own mounts. */
static int mount_one(int node, const char *from, struct root *root, const char *to,
		     struct error *err)
{
	cleanup_close int fd = open_in_root(node, from, O_PATH), tree = -1;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NODEV };

	if (fd < 0)
		return error_set(err, errno, "cannot open the node's '%s'", from);
	tree = open_tree(fd, "",
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0 ||
	    mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return error_set(err, errno, "cannot mount the node's '%s'", from);
	return root_attach(root, tree, to, err);
}

/* On Davit's own /dev. */
static int make_directory(const struct bring *bring, const struct root *root, struct error *err)
{
	if (mkdirat(root->dev, bring->place + strlen("/dev/"), 0755) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s' in the container", bring->place);
	return 0;
}

/* Adds a library that the image does not have. */
static int add_own(const struct bring *bring, const char *soname, const struct library *library,
		   struct root *root, struct ldcache *cache, struct error *err)
{
	cleanup_free char *path = NULL;

	if (!root_has_dev(root)) {
		error_set(err, 0, "no place for the node's '%s': something is mounted at '/dev'",
			  soname);
		return error_remedy(err, "without that mount");
	}
	if (asprintf(&path, "%s%s", bring->place, soname) < 0) {
		path = NULL;
		return error_set(err, ENOMEM, "cannot place '%s'", soname);
	}
	if (mount_one(bring->node->root, library->real, root, path, err) < 0)
		return -1;
	return ldcache_add(cache, soname, path,
			   ldcache_flags(library->elf.class, library->elf.machine), err);
}

static bool is_same(const struct library *a, const struct library *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* Covers every file of the image by which `item` can be found. One file may have several names. */
static int cover(const struct bring *bring, const struct bring_library *item, struct root *root,
		 struct error *err)
{
	cleanup_free char **places =
		world_places(bring->image, item->soname, bring_hidden(bring, item->soname), err);
	int result = places ? 0 : -1;

	if (result == 0 && item->image)
		result = mount_one(bring->node->root, item->node->real, root, item->image->real,
				   err);
	for (char **at = places; at && *at; at++) {
		struct error ignored = ERROR_INIT;
		struct library *there = NULL;

		if (result == 0)
			there = world_open(bring->image, *at, ELF_HEAD, &ignored);
		/* What has been covered is the node's file now. */
		if (there && world_can_run(bring->image, there) && !is_same(there, item->node))
			result = mount_one(bring->node->root, item->node->real, root, there->real,
					   err);
		library_free(there);
		free(*at);
	}
	return result;
}

static int place_library(const struct bring *bring, const struct bring_library *item,
			 struct root *root, struct ldcache *cache, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct library *own;

	if (item->from != BRING_NODE || item->is_component)
		return 0;
	if (!item->replaced && cover(bring, item, root, err) < 0)
		return -1;
	if (!item->replaced)
		return item->image ? 0 : add_own(bring, item->soname, item->node, root, cache, err);
	if (mount_one(bring->node->root, item->node->real, root, item->replaced->real, err) < 0)
		return -1;
	/* Bindings of the node's ask for it by its own name, which may be another than the image's. */
	own = world_find(bring->image, item->soname, NULL, ELF_HEAD, &ignored);
	library_free(own);
	return own ? 0 : add_own(bring, item->soname, item->node, root, cache, err);
}

int bring_mount(const struct bring *bring, struct root *root, struct ldcache *cache,
		struct error *err)
{
	size_t before = cache->count;

	if (make_directory(bring, root, err) < 0)
		return -1;
	for (size_t i = 0; i < bring->count; i++)
		if (place_library(bring, &bring->items[i], root, cache, err) < 0)
			return -1;
	for (size_t i = 0; i < bring->directory_count; i++)
		if (mount_one(bring->node->root, bring->directories[i], root, bring->directories[i],
			      err) < 0)
			return -1;
	return cache->count > before ? loader_write(root, cache, err) : 0;
}
