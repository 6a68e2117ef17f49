/* SPDX-License-Identifier: BSD-3-Clause */
/* entrance.h - the way into a container that runs already. */
#ifndef DAVIT_ENTRANCE_H
#define DAVIT_ENTRANCE_H

#include <limits.h>
#include <stdbool.h>

#include "common/error.h"
#include "launcher/narrow.h"
#include "launcher/namespaces.h"
#include "launcher/running/running.h"

#define ENTRANCE_KINDS 7

struct entrance {
	int ns[ENTRANCE_KINDS]; /* -1: the caller is in it already */
	bool new_pids;          /* the container counts processes of its own: who has passed must
				 * fork, only the child is in there */
	enum narrow_to narrow;  /* what the process itself has been left with */
	char *env; /* what the process had been started with, as in /proc/PID/environ */
	size_t env_len;
	char cwd[PATH_MAX]; /* where the process is, "/" if that is unknown */
};

#define ENTRANCE_INIT                                \
	{                                            \
		.ns = { -1, -1, -1, -1, -1, -1, -1 } \
	}

/* Opens everything at once, before anything changes: behind the user namespace's door, the node's
 * /proc would not let us look any more. Returns 0, or -1 with `err` set: the container may have ended
 * since it was found. `entrance` starts with ENTRANCE_INIT. */
int entrance_open(struct entrance *entrance, const struct running *running, struct error *err);

/* Enters the namespaces; the caller has all capabilities in them then and is in the container's root
 * directory. Returns 0, or -1 with `err` set, and then the process must end. */
int entrance_pass(struct entrance *entrance, struct error *err);

/* Copies the open namespaces for others to enter; `copy` starts with NAMESPACES_INIT. To be called
 * before entrance_pass(). Returns 0, or -1 with `err` set. */
int entrance_copy(const struct entrance *entrance, struct namespaces *copy, struct error *err);

void entrance_done(struct entrance *entrance);

#endif
