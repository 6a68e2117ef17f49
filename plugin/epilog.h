/* SPDX-License-Identifier: BSD-3-Clause */
/* epilog.h - the plugin when a job has ended on a node. */
#ifndef DAVIT_PLUGIN_EPILOG_H
#define DAVIT_PLUGIN_EPILOG_H

#include <slurm/spank.h>

#include "common/error.h"

/* Has `launcher` remove what the named containers of the job have kept: as the job's user, with
 * nothing of root's. Returns 0, or -1 with `err` set. */
int epilog_forget(spank_t spank, const char *launcher, struct error *err);

#endif
