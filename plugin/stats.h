/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.h - what the step's image server has counted. All of it is the user's word. */
#ifndef DAVIT_PLUGIN_STATS_H
#define DAVIT_PLUGIN_STATS_H

#include <stdbool.h>

#include "common/stats.h"

/* Reads the counts from the step's memfd; `wanted`: the user wants to be told. Returns false where
 * nothing was counted. */
bool stats_read(int memfd, uint64_t values[STAT_COUNT], bool *wanted);

/* Tells the user, if the user wants to be told. */
void stats_report(int memfd, const char *image);

#endif
