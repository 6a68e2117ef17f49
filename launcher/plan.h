/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plan.h - what gets mounted in a container: devices, directories of the node that nobody has to ask for,
 * those of davit.conf, those of the user.
 */
#ifndef DAVIT_PLAN_H
#define DAVIT_PLAN_H

#include <sys/resource.h>

#include "common/error.h"
#include "common/mountspec.h"
#include "launcher/container.h"
#include "launcher/root.h"

/* Mounts with their sources opened; all zeros is an empty plan. */
struct plan {
	struct mountlist list;
	int *sources; /* of the mounts that the image asks for, as long as they are in the list */
	size_t source_count;
	int *trees;          /* for each mount, -1 where an optional source cannot be had */
	struct rlimit files; /* the job's limit of open files */
};

/* Makes the plan and opens all sources, while "/" is the node's alone. Returns 0, or -1 with `err`
 * set. */
int plan_make(struct plan *plan, struct container *container, struct error *err);

/* Puts everything into the container, parents first. */
int plan_place(const struct plan *plan, struct root *root, struct error *err);

void plan_done(struct plan *plan);

#endif
