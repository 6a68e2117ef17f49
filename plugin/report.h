/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h - the plugin's only way to the user. */
#ifndef DAVIT_PLUGIN_REPORT_H
#define DAVIT_PLUGIN_REPORT_H

#include "common/error.h"

/* Prints cause and remedy as Slurm prints errors: in srun, sbatch and salloc to standard error, in
 * slurmstepd to the user's terminal and slurmd's log. */
void report(const struct error *err);

/* The same for what is no error: the cause only, without the word "error" in front. */
void report_note(const struct error *note);

#endif
