/* SPDX-License-Identifier: BSD-3-Clause */
/* container.h - building a container around the calling process. */
#ifndef DAVIT_CONTAINER_H
#define DAVIT_CONTAINER_H

#include "common/error.h"
#include "common/settings.h"
#include "launcher/rendezvous.h"

struct container {
	const struct settings *settings;
	const char *cwd;    /* absolute working directory of the job */
	const char *script; /* file of the node that must be inside too, or NULL */
	int userns;         /* user namespace to enter, or -1 */
	const struct rendezvous *rendezvous;
};

/* Writes the job's working directory to `cwd`, or "/" where it has none any more but the user named
 * another. Returns 0, or -1 with `err` set. */
int container_cwd(const struct settings *settings, char *cwd, size_t size, struct error *err);

/* Enters a user and a mount namespace whose root is the image with everything mounted, as described
 * in davit(1). The working directory becomes the container's root. The caller keeps its
 * capabilities in the namespace until narrow(). On failure the process must end: it may be anywhere
 * between the node and the container. */
int container_build(const struct container *container, struct error *err);

#endif
