/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * epilog.h - what named containers keep goes when their job ends.
 *
 * It lies where the launcher wants it, in files of the user's. So root only notes, in a directory of
 * its own, that a job may have kept something, and has the launcher remove it as the user.
 */
#ifndef DAVIT_PLUGIN_EPILOG_H
#define DAVIT_PLUGIN_EPILOG_H

#include <slurm/spank.h>

#include "common/error.h"

/* In slurmstepd: notes that the job of the step keeps a container. Returns 0, or -1 with `err` set. */
int epilog_note(spank_t spank, struct error *err);

/* When the job has ended: if that was noted, has `launcher` remove what the job has kept, as the
 * user, and waits for it, but not for ever. Returns 0, or -1 with `err` set. */
int epilog_forget(spank_t spank, const char *launcher, struct error *err);

#endif
