/* SPDX-License-Identifier: BSD-3-Clause */
/* loader.h - the ld.so.cache of a container that is being built. */
#ifndef DAVIT_MPI_LOADER_H
#define DAVIT_MPI_LOADER_H

#include "common/error.h"
#include "launcher/mpi/ldcache.h"
#include "launcher/root.h"

/* Reads it into an empty `cache`, which stays empty where there is none or it is damaged. */
void loader_read(const struct root *root, struct ldcache *cache);

/* Puts another one in its place, in memory. Returns 0, or -1 with `err` set. */
int loader_write(struct root *root, const struct ldcache *cache, struct error *err);

#endif
