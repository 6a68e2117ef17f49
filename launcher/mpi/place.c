/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - see place.h. */
#include "launcher/mpi/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/imageconf.h"
#include "launcher/mpi/hostmpi.h"

#define OWN_DIRECTORY "/dev/davit-mpi"
#define CACHE         "/etc/ld.so.cache"

/* ---- mounting -------------------------------------------------------------------------------- */

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

/* Adds a library that the image does not have. */
static int add_own(const struct world *node, const char *soname, const struct library *library,
		   struct root *root, struct ldcache *cache, struct error *err)
{
	cleanup_free char *path = NULL;

	if (asprintf(&path, OWN_DIRECTORY "/%s", soname) < 0) {
		path = NULL;
		return error_set(err, ENOMEM, "cannot place '%s'", soname);
	}
	if (mount_one(node->root, library->real, root, path, err) < 0)
		return -1;
	return ldcache_add(cache, soname, path,
			   ldcache_flags(library->elf.class, library->elf.machine), err);
}

/* Covers every file of the image by which `soname` can be found. One file may have several names. */
static int cover(const struct bring *bring, const struct bring_library *item, struct root *root,
		 struct error *err)
{
	cleanup_free char **places = world_places(bring->image, item->soname, NULL, err);
	int result = places ? 0 : -1;

	if (places &&
	    mount_one(bring->node->root, item->node->real, root, item->image->real, err) < 0)
		result = -1;
	for (char **at = places; at && *at; at++) {
		struct error ignored = ERROR_INIT;
		struct library *there = NULL;

		if (result == 0)
			there = world_open(bring->image, *at, ELF_HEAD, &ignored);
		/* What has been covered is the node's file now. */
		if (there && (there->dev != item->node->dev || there->ino != item->node->ino))
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
	if (!item->replaced)
		return item->image
			       ? cover(bring, item, root, err)
			       : add_own(bring->node, item->soname, item->node, root, cache, err);
	if (mount_one(bring->node->root, item->node->real, root, item->replaced->real, err) < 0)
		return -1;
	/* Bindings of the node's ask for it by its own name, which may be another than the image's. */
	own = world_find(bring->image, item->soname, NULL, ELF_HEAD, &ignored);
	library_free(own);
	return own ? 0 : add_own(bring->node, item->soname, item->node, root, cache, err);
}

static int put_cache(struct root *root, const struct ldcache *cache, struct error *err)
{
	size_t len;
	cleanup_free void *text = ldcache_format(cache, &len, err);

	return text ? root_put_data(root, CACHE, text, len, err) : -1;
}

static int place_all(struct hostmpi *hostmpi, struct root *root, struct error *err)
{
	const struct bring *bring = &hostmpi->bring;
	struct ldcache *cache = &hostmpi->image.cache;
	size_t before = cache->count;

	for (size_t i = 0; i < bring->count; i++)
		if (place_library(bring, &bring->items[i], root, cache, err) < 0)
			return -1;
	for (size_t i = 0; i < bring->directory_count; i++)
		if (mount_one(bring->node->root, bring->directories[i], root, bring->directories[i],
			      err) < 0)
			return -1;
	return cache->count > before ? put_cache(root, cache, err) : 0;
}

/* ---- which ----------------------------------------------------------------------------------- */

static const char *find_value(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* LD_LIBRARY_PATH in the container, as far as it can be told before there is one. */
static const char *library_path(const struct settings *settings, const struct image_config *says)
{
	for (size_t i = 0; i < settings->env.count; i++)
		if (strcmp(settings->env.items[i].name, "LD_LIBRARY_PATH") == 0)
			return settings->env.items[i].value ? settings->env.items[i].value
							    : getenv("LD_LIBRARY_PATH");
	return find_value(says->env, "LD_LIBRARY_PATH");
}

static int decide(struct hostmpi *hostmpi, struct container *container,
		  const struct hostmpi_places *places, struct root *root, struct error *err)
{
	if (hostmpi_look(hostmpi, places, err) < 0 ||
	    hostmpi_decide(hostmpi, container->settings->mpi, container->conf, err) < 0)
		return -1;
	container->host_mpi = hostmpi->is_used;
	container->note = hostmpi->note;
	return hostmpi->is_used ? place_all(hostmpi, root, err) : 0;
}

int place_host_mpi(struct container *container, const struct image *image, int node,
		   struct root *root, struct error *err)
{
	const struct settings *settings = container->settings;
	struct hostmpi_places places = { .image = root->fd, .node = node, .conf = container->conf };
	struct hostmpi hostmpi;
	struct image_config says;
	int result;

	if (settings->mpi <= MPI_IMAGE)
		return 0;
	if (image_config_read(&says, root->fd, image, err) < 0)
		return -1;
	places.library_path = library_path(settings, &says);
	result = decide(&hostmpi, container, &places, root, err);
	hostmpi_done(&hostmpi);
	image_config_done(&says);
	return result;
}
