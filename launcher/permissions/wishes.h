/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wishes.h - what an image gets of what it asks for.
 *
 * What is refused leaves one note for each kind. With davit.conf's `least-privilege` there is nothing
 * either that neither the image nor the user has asked for.
 */
#ifndef DAVIT_WISHES_H
#define DAVIT_WISHES_H

#include "common/error.h"
#include "launcher/container.h"
#include "launcher/permissions/permissions.h"

/* All zeros is a fresh one. */
struct wishes {
	struct permissions asks;
	struct settings settings; /* the user's, and what is given: owns nothing itself */
	char **devices, **calls;  /* given */
};

/* Reads what the image with the root directory `root` asks for; from then on `container->settings` are
 * those of `wishes`, which has to last as long as the container is being built. Returns 0, or -1 with
 * `err` set: nobody understands what the image asks for. */
int wishes_grant(struct wishes *wishes, struct container *container, int root, struct error *err);
void wishes_done(struct wishes *wishes);

/* Opens the sources of the mounts that the image asks for, and appends those that it may have to `list`,
 * by names in /proc/self/fd. To be called where "/" is the node's. The descriptors go to `fds`, of the
 * room for all of them, their number to *count. Returns 0, or -1 with `err` set. */
int wishes_list_mounts(struct container *container, struct mountlist *list, int *fds, size_t *count,
		       struct error *err);

#endif
