/* SPDX-License-Identifier: BSD-3-Clause */
/* remote.h - the plugin in slurmstepd. */
#ifndef DAVIT_PLUGIN_REMOTE_H
#define DAVIT_PLUGIN_REMOTE_H

#include <slurm/spank.h>

#include "common/error.h"

/* Once per node and step, as root: prepares what the ranks will inherit, if the step asked for a
 * container. A failure is kept for remote_task() to tell. */
void remote_prepare(spank_t spank);

/* Once per node and step, where its working directory is: has the policy looked at, and keeps a refusal
 * for remote_task() to tell. */
void remote_judge(spank_t spank, const char *launcher);

/* Once per rank, as root, before it is the user's: takes away what a refused step must not have. */
void remote_privileged(void);

/* Once per rank, as the user, before exec: puts `launcher` in front of the command. */
int remote_task(spank_t spank, const char *launcher, struct error *err);

/* After the last rank has been forked: slurmstepd must not keep the container alive. */
void remote_forked(spank_t spank);

/* When a rank has ended: looks, until it has found one, for what no rank can tell: that the image
 * server died or found damage, or that the rank never came near the container. Returns -1 with `err` set then. */
int remote_exited(spank_t spank, struct error *err);

/* After that: when the last rank has ended, tells what was read of the image, if the user wants to know. */
void remote_tell_stats(spank_t spank);

/* When the step has ended. */
void remote_end(spank_t spank);

#endif
