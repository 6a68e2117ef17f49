/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - see place.h. */
#include "launcher/mpi/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/imageconf.h"
#include "launcher/mpi/hostmpi.h"

#define CACHE "/etc/ld.so.cache"

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

/* The directory for what the image lacks is on Davit's own /dev. It is there in any case: by it others
 * see later that the node's MPI is in this container. */
static int make_directory(const struct root *root, struct error *err)
{
	if (mkdirat(root->dev, strrchr(BRING_DIRECTORY, '/') + 1, 0755) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s' in the container", BRING_DIRECTORY);
	return 0;
}

static bool has_directory(const struct root *root)
{
	cleanup_close int fd = open_in_root(root->fd, BRING_DIRECTORY, O_PATH | O_DIRECTORY);
	struct stat there, own;

	return fd >= 0 && fstat(fd, &there) == 0 && fstat(root->dev, &own) == 0 &&
	       there.st_dev == own.st_dev;
}

bool place_has_host_mpi(void)
{
	struct stat st;

	return stat(BRING_DIRECTORY, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Adds a library that the image does not have. */
static int add_own(const struct world *node, const char *soname, const struct library *library,
		   struct root *root, struct ldcache *cache, struct error *err)
{
	cleanup_free char *path = NULL;

	if (!has_directory(root)) {
		error_set(err, 0, "no place for the node's '%s': something is mounted at '/dev'",
			  soname);
		return error_remedy(err, "without that mount, or --container-mpi=image");
	}
	if (asprintf(&path, BRING_DIRECTORY "/%s", soname) < 0) {
		path = NULL;
		return error_set(err, ENOMEM, "cannot place '%s'", soname);
	}
	if (mount_one(node->root, library->real, root, path, err) < 0)
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
		return item->image
			       ? 0
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

	if (make_directory(root, err) < 0)
		return -1;
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

/* Looks at the container, or the image, with the root directory `root`. hostmpi_done is due in each
 * case, but the image's strings are gone. */
static int decide(struct hostmpi *hostmpi, const struct container *container,
		  const struct image *image, int node, int root, struct error *err)
{
	struct hostmpi_places places = { .image = root, .node = node, .conf = container->conf };
	struct image_config says;
	int result = -1;

	*hostmpi = (struct hostmpi){ .is_used = false };
	if (image_config_read(&says, root, image, err) < 0)
		return -1;
	places.library_path = hostmpi_library_path(container->settings, &says);
	if (hostmpi_look(hostmpi, &places, err) == 0)
		result = hostmpi_decide(hostmpi, container->settings->mpi, container->conf, err);
	image_config_done(&says);
	return result;
}

int place_list_points(const struct container *container, const struct image *image, int node,
		      int root, struct mountlist *points, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct hostmpi hostmpi;
	int result = 0;

	if (container->settings->mpi <= MPI_IMAGE)
		return 0;
	/* What is wrong is told when it is done. */
	if (decide(&hostmpi, container, image, node, root, &ignored) == 0 && hostmpi.is_used)
		for (size_t i = 0; i < hostmpi.bring.directory_count && result == 0; i++)
			result =
				mountlist_add_bind(points, hostmpi.bring.directories[i], true, err);
	hostmpi_done(&hostmpi);
	return result;
}

int place_host_mpi(struct container *container, const struct image *image, int node,
		   struct root *root, struct error *err)
{
	struct hostmpi hostmpi;
	int result;

	if (container->settings->mpi <= MPI_IMAGE)
		return 0;
	result = decide(&hostmpi, container, image, node, root->fd, err);
	if (result == 0) {
		container->host_mpi = hostmpi.is_used;
		container->note = hostmpi.note;
	}
	if (result == 0 && hostmpi.is_used)
		result = place_all(&hostmpi, root, err);
	hostmpi_done(&hostmpi);
	return result;
}
