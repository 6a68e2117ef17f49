/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * place.h - puts the node's MPI into a container that is being built.
 *
 * A library that the image has, too, is mounted on the image's file, wherever that is: so programs
 * find it by each way by which they found theirs. One that the image lacks is in a directory of its
 * own below /dev, and in ld.so.cache, which is made anew in memory: nothing else of the image changes.
 * Where the container is saved, nothing of it is left but what was made to mount on: empty
 * directories, and an empty ld.so.cache if the image has none.
 */
#ifndef DAVIT_MPI_PLACE_H
#define DAVIT_MPI_PLACE_H

#include <stdbool.h>

#include "common/error.h"
#include "common/mountspec.h"
#include "images/image.h"
#include "launcher/container.h"
#include "launcher/root.h"

/* Decides by --container-mpi and does it. `node` is the node's root directory, opened in this mount
 * namespace. To be called when all other mounts are there and /dev is not yet sealed. What the user
 * should know goes to container->notes; container->host_mpi tells whether the node's is used. Returns
 * 0, or -1 with `err` set. */
int place_host_mpi(struct container *container, const struct image *image, int node,
		   struct root *root, struct error *err);

/* Adds the directories that place_host_mpi() would need for mount points in the image that lies at
 * `root`. One that cannot be told of yet is left out. Returns 0, or -1 with `err` set. */
int place_list_points(const struct container *container, const struct image *image, int node,
		      int root, struct mountlist *points, struct error *err);

/* Is the node's MPI in the container that this process is in? */
bool place_has_host_mpi(void);

#endif
