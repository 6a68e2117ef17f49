/* SPDX-License-Identifier: BSD-3-Clause */
/* dev.h - the container's /dev. */
#ifndef DAVIT_DEVICES_DEV_H
#define DAVIT_DEVICES_DEV_H

#include "launcher/root.h"

/* Puts a fresh /dev into the container: null zero full random urandom tty from the node, a private
 * instance of pts with ptmx, and the usual links. When the caller's standard input is a terminal, it
 * is there as /dev/console, so that ttyname(3) finds it. For shm and mqueue see namespaces.h. */
int dev_mount(struct root *root, struct error *err);

/* Puts a file with these bytes there, before it is sealed; `path` begins with /dev/. */
int dev_add_file(struct root *root, const char *path, const void *data, size_t len,
		 struct error *err);

/* Makes /dev itself read-only, when all mount points are in it. */
int dev_seal(struct root *root, struct error *err);

#endif
