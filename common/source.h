/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.h - names of images that have to be imported before they can be run.
 *
 *	docker://[HOST[:PORT]/]NAME[:TAG|@sha256:HEX]	in a registry
 *	oci:DIR[:TAG]  oci-archive:FILE[:TAG]  docker-archive:FILE[:NAME]
 *	docker-daemon:NAME  containers-storage:NAME
 *
 * They are called as skopeo calls them, see containers-transports(5). Any other name is a path. Texts only: srun and
 * slurmstepd check names by these functions, and neither may look at a file for that.
 */
#ifndef DAVIT_SOURCE_H
#define DAVIT_SOURCE_H

#include <stdbool.h>

#include "common/error.h"

/* Is it such a name, and no path? */
bool source_is(const char *name);

/* Is it in a registry? */
bool source_is_registry(const char *name);

/* Does it name a file or directory of the node? */
bool source_is_path(const char *name);

/* Refuses a name that cannot be one: a bad reference, or one that begins as no source does
 * (http://...). Paths are fine. Returns 0, or -1 with `err` set. */
int source_check(const char *name, struct error *err);

/* The one form of all names that mean the same image of a registry: with host and tag, or with digest and
 * without a tag; other names as they are. To be freed by the caller; NULL with `err` set. */
char *source_canonical(const char *name, struct error *err);

/* The same image by this digest, from a name in its canonical form; names of other sources as they are. To
 * be freed by the caller; NULL when out of memory. */
char *source_pinned(const char *canonical, const char *digest);

/* The digest in a canonical name, "sha256:HEX", or NULL. */
const char *source_digest(const char *canonical);

#endif
