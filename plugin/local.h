/* SPDX-License-Identifier: BSD-3-Clause */
/* local.h - the plugin in srun, sbatch and salloc. */
#ifndef DAVIT_PLUGIN_LOCAL_H
#define DAVIT_PLUGIN_LOCAL_H

#include <stdbool.h>

#include "common/error.h"

/* Before the command line is parsed. */
void local_init(bool is_srun);

/* After it is parsed. Returns 0, or -1 with `err` set: the request is refused. */
int local_post_opt(bool is_srun, struct error *err);

#endif
