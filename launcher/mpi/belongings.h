/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * belongings.h - directories that belong to a library: where Open MPI, PMIx, UCX, libfabric, hwloc
 * and verbs look for their components, help texts and settings. Their paths are compiled in, so they
 * have to be at the same place in the container.
 */
#ifndef DAVIT_MPI_BELONGINGS_H
#define DAVIT_MPI_BELONGINGS_H

#include "common/error.h"
#include "launcher/mpi/bring.h"

/* Adds those of `library`, of the node, by bring_add_directory(). */
int belongings_add(struct bring *bring, const struct library *library, struct error *err);

/* Calls `each` with the path of every shared object in the directory `path` and below, as far as it
 * can be read. Stops when that returns another value than 0, and returns that. */
int belongings_each(const struct world *world, const char *path,
		    int (*each)(void *context, const char *path), void *context);

#endif
