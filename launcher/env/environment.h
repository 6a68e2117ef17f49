/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * environment.h - the rules for the environment in a container.
 *
 * In this order, the later outweighs the earlier:
 *	1. the job's environment, without what belongs to the node; or with clean-env, only what
 *	   a step needs
 *	2. the image's variables, and what its scripts make of the environment
 *	3. those of devices (CDI)
 *	4. the site's changes, of davit.conf
 *	5. --container-env
 *	6. locales that the image lacks become C.UTF-8, unless 5. named them
 *	7. DAVIT_IMAGE and DAVIT_NAME
 * The image cannot change HOME, USER and LOGNAME, nor what Slurm has set for the rank.
 */
#ifndef DAVIT_ENVIRONMENT_H
#define DAVIT_ENVIRONMENT_H

#include <stdbool.h>

#include "common/error.h"
#include "common/settings.h"
#include "images/imageconf.h"
#include "launcher/env/edits.h"
#include "launcher/security/filter.h"

struct environment {
	char *const *host_only;           /* patterns of names, ends with NULL; or NULL */
	const struct edits *devices;      /* or NULL */
	const struct edits *site;         /* or NULL */
	const struct image_config *image; /* or NULL */
	const struct settings *settings;
	const struct filter *filter; /* for the image's scripts */
	const char *image_path;      /* for $DAVIT_IMAGE */
	const char *name;            /* for $DAVIT_NAME; NULL: none */
	bool host_mpi;               /* the node's MPI is in the container */
};

/* Appends to `edits` what makes the container's environment of a rank's. To be called by the
 * builder when the container is its root: runs the image's scripts, in a process of their own.
 * Returns 0, or -1 with `err` set. */
int environment_make(struct edits *edits, const struct environment *environment, struct error *err);

#endif
