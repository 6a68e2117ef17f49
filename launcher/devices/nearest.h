/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nearest.h - which adapter and which GPU a rank uses: the choice of each rank, from a table that
 * the builder makes once for the node.
 *
 * A rank knows its CPUs (its affinity), and its GPUs from the variables that Slurm has narrowed for
 * it. From the table it picks the adapters nearest to its GPU where it has one of its own, else to
 * its CPUs, and puts them into the variables that communication libraries read, unless one is set.
 *
 * The table also says how GPUs are counted in the container, where only those of the step are: with
 * all of the node in sight CUDA_VISIBLE_DEVICES=3 may be right, with two of them it is 1. It is the
 * same as in a device cgroup.
 */
#ifndef DAVIT_DEVICES_NEAREST_H
#define DAVIT_DEVICES_NEAREST_H

#include <sched.h>
#include <stddef.h>

#include "common/error.h"
#include "launcher/devices/gpus.h"
#include "launcher/devices/nics.h"
#include "launcher/devices/topology.h"

struct nearest_wish {
	/* GPUs of the step that are in the container: numbers as Slurm counts them, in ascending
	 * order of the device files. */
	const unsigned int *numbers;
	const struct gpu *const *gpus;
	size_t gpu_count;
	const struct niclist *nics; /* in the container; NULL or empty: no choice of adapters */
	const struct topology *topology; /* NULL: all adapters are as near */
};

/* Makes the table (nearest_table.h): lines of text, a fresh string, to be packed into the recipe.
 * NULL with `err` set when out of memory. */
char *nearest_make(const struct nearest_wish *wish, struct error *err);

/* Follows the table in a rank, in its environment (setenv(3)), which must be final but for this.
 * The text is what nearest_make() wrote; anything else is passed over and never crashes. No
 * variable that is set, be it empty, is changed but for the numbers of GPUs. Returns 0, or -1 with
 * `err` set. */
int nearest_apply(const char *table, struct error *err);

/* The same for a rank that is bound to these CPUs; none: that is not known. */
int nearest_apply_on(const char *text, const cpu_set_t *cpus, struct error *err);

#endif
