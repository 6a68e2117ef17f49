/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * components.h - what each component of a heterogeneous step asked for.
 *
 * Slurm hands one set of plugin options to all components of `srun A : B`: each option as the last
 * one gave it who gave it. So srun puts what each component said into one variable of the step, and
 * each slurmstepd takes its own part from that and nothing else:
 *
 *	GROUP[*] { US NAME=VALUE } RS		for each component, in ascending order of groups
 *
 * GROUP is the number of the component in the job; * means that Slurm believes the component to be
 * in a container, which it is not.
 */
#ifndef DAVIT_PLUGIN_COMPONENTS_H
#define DAVIT_PLUGIN_COMPONENTS_H

#include <slurm/spank.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* Slurm hands variables that begin like this down whatever --export says. */
#define COMPONENTS_ENV "SLURM_DAVIT_COMPONENTS"
#define COMPONENTS_MAX 65536 /* bytes */

/* In srun: adds a component with the options that are set now. Returns 0, or -1 with `err` set. */
int components_add(int group, bool is_mistaken, struct error *err);

/* In srun, after the last one: sets the variable if there is more than one. Returns 1 if so, 0, or
 * -1 with `err` set. */
int components_export(struct error *err);

/* Which component this is; index or group is -1 where it cannot be told by that. */
struct component_id {
	int index; /* among those of the step */
	int group; /* number in the job */
};

/* Sets the options to those of the component `id` in `text`, which is changed. Returns 0 or -1 with
 * `err` set. */
int components_take(char *text, struct component_id id, bool *is_mistaken, struct error *err);

/* In slurmstepd: if the step has several components, replaces the options by those of this one and
 * cleans the step's environment. Returns 0, or -1 with `err` set. */
int components_choose(spank_t spank, bool *is_mistaken, struct error *err);

#endif
