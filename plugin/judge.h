/* SPDX-License-Identifier: BSD-3-Clause */
/* judge.h - has `davit judge` look whether this step may have its container. */
#ifndef DAVIT_PLUGIN_JUDGE_H
#define DAVIT_PLUGIN_JUDGE_H

#include <slurm/spank.h>

#include "common/error.h"
#include "common/verdict.h"

/* To be called from slurm_spank_user_init, where the step's working directory is. `memfd` is that of
 * handover.h. Returns 0 with the verdict, which is never VERDICT_ASKS, its texts ended; or -1 with `err`
 * set where there is none: then there must be no container. Waits for the launcher, at most a minute. */
int judge_ask(spank_t spank, const char *launcher, int memfd, struct verdict *verdict,
	      struct error *err);

#endif
