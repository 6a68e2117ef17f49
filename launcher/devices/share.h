/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * share.h - which of the node's GPUs a step gets.
 *
 * Slurm tells by variables. SLURM_GPUS_ON_NODE (or SLURM_SHARDS_ON_NODE) is there where the step
 * has any; SLURM_STEP_GPUS, and in batch scripts SLURM_JOB_GPUS, count them in the order of
 * gres.conf. A rank's own may be narrower (--gpus-per-task, --gpu-bind), so for a step the plugin
 * hands over those that slurmstepd had before it narrowed them.
 */
#ifndef DAVIT_DEVICES_SHARE_H
#define DAVIT_DEVICES_SHARE_H

#include <stdbool.h>

#include "common/devicespec.h"
#include "common/error.h"

enum share_kind {
	SHARE_NONE, /* Slurm gave none */
	SHARE_ALL, /* there is no Slurm here, or it does not say which: all that the user may open */
	SHARE_LIST
};

struct share {
	enum share_kind kind;
	struct numbers numbers; /* as Slurm counts them */
};

/* Reads the variables by `get` (getenv(3), or what the plugin handed over). `is_narrowed` says
 * that they are this process's own, and those of a rank may be narrowed: where SLURM_STEP_GPUS
 * has fewer than SLURM_GPUS_ON_NODE says (or, without that, the step binds GPUs to tasks:
 * SLURM_GPU_BIND, SLURM_GPUS_PER_TASK, SLURM_NTASKS_PER_GPU, SLURM_TRES_BIND,
 * SLURM_TRES_PER_TASK), which ones the others have is not known, and it is SHARE_ALL. Returns 0,
 * or -1 with `err` set when out of memory. share_done is due in each case. */
int share_read(struct share *share, const char *(*get)(void *context, const char *name),
	       void *context, bool is_narrowed, struct error *err);
void share_done(struct share *share);

#endif
