/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmdline.h - the command line of srun, sbatch or salloc, one component after the other.
 *
 * Slurm parses `srun A : B` component by component and calls the plugin after each, but tells it
 * neither which one that was nor whether there is another. getopt's `optind` tells.
 */
#ifndef DAVIT_PLUGIN_CMDLINE_H
#define DAVIT_PLUGIN_CMDLINE_H

#include <stdbool.h>

#include "common/error.h"

#define HET_GROUPS_MAX 128 /* Slurm's MAX_HET_JOB_COMPONENTS */

struct cmdline {
	char *text;
	const char **argv; /* ends with NULL */
	int argc;
};

/* What stands between two ":". */
struct component {
	int begin;       /* its options stand behind this argument: "srun" or ":" */
	int options_end; /* and before this one */
	int next;        /* the ":" behind it, -1 for the last */
};

/* Returns 0, or -1 with `err` set. Either way cmdline_done() is to be called. */
int cmdline_read(struct cmdline *line, struct error *err);
void cmdline_done(struct cmdline *line);

/* The component behind argument `begin`, when getopt has stopped at `stopped`, counted from there.
 * Only srun has a command in front of ":". */
struct component cmdline_component(const struct cmdline *line, int begin, int stopped,
				   bool is_srun);

/* Is there an option --NAME or --NAME=... among the arguments behind `begin` and before `end`? */
bool cmdline_has(const struct cmdline *line, int begin, int end, const char *name);

/* The value of the last --NAME VALUE or --NAME=VALUE of a component; NULL without one. */
const char *cmdline_value(const struct cmdline *line, const struct component *component,
			  const char *name);

/* The components of the job that `--het-group` of this component names; `otherwise` alone where it
 * names none. Returns 0, or -1 with `err` set. */
int cmdline_groups(const struct cmdline *line, const struct component *component, int otherwise,
		   bool groups[HET_GROUPS_MAX], struct error *err);

#endif
