/* SPDX-License-Identifier: BSD-3-Clause */
/* audit.h - a line in the system's log for each container: its start, its end, or why there is none. */
#ifndef DAVIT_PLUGIN_AUDIT_H
#define DAVIT_PLUGIN_AUDIT_H

#include <slurm/spank.h>

#include "common/verdict.h"
#include "plugin/stats.h"

/* In slurmstepd, once per node and step. `verdict` has no more than zeros where nobody has answered. */
void audit_start(spank_t spank, const struct verdict *verdict);
void audit_denied(spank_t spank, const struct verdict *verdict, const char *cause);

/* `status` is the wait status of the rank that ended worst, of `ranks`; `counted` is what the
 * image server says of itself, or NULL. */
void audit_end(spank_t spank, const struct verdict *verdict, int status, unsigned int ranks,
	       const struct counted *counted);

#endif
