/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * providers.h - libraries for adapters (libibverbs, libfabric and their providers) from the node, where
 * the site says so and the image lacks them.
 */
#ifndef DAVIT_DEVICES_PROVIDERS_H
#define DAVIT_DEVICES_PROVIDERS_H

#include "common/error.h"
#include "launcher/conf/conf.h"
#include "launcher/note.h"
#include "launcher/root.h"

/* Brings what davit.conf names, by the same rules as the node's MPI (mpi/bring.h). `node` is the node's
 * root directory. To be called when all mounts are there and /dev is not yet sealed. What cannot come
 * along is left out, with a note. Returns 0, or -1 with `err` set. */
int providers_place(const struct conf *conf, int node, struct root *root, struct notes *notes,
		    struct error *err);

#endif
