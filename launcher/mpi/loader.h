/* SPDX-License-Identifier: BSD-3-Clause */
/* loader.h - the ld.so.cache of a container that is being built. */
#ifndef DAVIT_MPI_LOADER_H
#define DAVIT_MPI_LOADER_H

#include "common/error.h"
#include "launcher/mpi/ldcache.h"
#include "launcher/root.h"

/* Puts this one in place of the image's, in memory. Returns 0, or -1 with `err` set. */
int loader_write(struct root *root, const struct ldcache *cache, struct error *err);

#endif
