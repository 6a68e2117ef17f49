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

bool place_has_host_mpi(void)
{
	struct stat st;

	return stat(HOSTMPI_PLACE, &st) == 0 && S_ISDIR(st.st_mode);
}

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
		notes_copy(&container->notes, &hostmpi.note);
	}
	if (result == 0 && hostmpi.is_used)
		result = bring_mount(&hostmpi.bring, root, &hostmpi.image.cache, err);
	hostmpi_done(&hostmpi);
	return result;
}
