/* SPDX-License-Identifier: BSD-3-Clause */
/* local.h - images that Docker, Podman or Buildah keep on this node, which skopeo reads: see layers.h. */
#ifndef DAVIT_IMPORT_LOCAL_H
#define DAVIT_IMPORT_LOCAL_H

#include "common/error.h"

/* The words of a command line that have to be in front of skopeo's, the first of them a path. */
#define LOCAL_WORDS 2

/* A store of Podman's and Buildah's belongs to all the ids that its user has, and only somebody who has
 * them in a user namespace reads it: fills `words` with a program that makes one. Returns the number of
 * words, 0 where none is needed, or -1 with `err` set. */
int local_enter(const char *reference, const char *words[LOCAL_WORDS], struct error *err);

/* Where the daemon listens, if `reference` is in one and somebody has said it: DOCKER_HOST is docker's
 * own, of which skopeo takes no notice. Else NULL. */
const char *local_daemon(const char *reference);

/* Says what helps against an error of skopeo's at `reference`, if that is on this node. Returns -1. */
int local_error(const char *reference, struct error *err);

#endif
