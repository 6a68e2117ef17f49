/* SPDX-License-Identifier: BSD-3-Clause */
/* squeue.h - account and partition of a job, which no hook is told, and which users can write into every
 * variable that has them. */
#ifndef DAVIT_PLUGIN_SQUEUE_H
#define DAVIT_PLUGIN_SQUEUE_H

#include "common/verdict.h"
#include "plugin/child.h"

/* Asks slurmctld, by Slurm's squeue. Returns 0, or -1 where there is no answer. */
int squeue_find(const struct child_user *user, uint32_t id, struct verdict_job *job);

/* What `text` says of the job: lines of "JOB PARTITION ACCOUNT". Returns 0 or -1. */
int squeue_parse(const char *text, uint32_t id, struct verdict_job *job);

#endif
