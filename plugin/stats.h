/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.h - what the step's image server has counted. All of it is the user's word. */
#ifndef DAVIT_PLUGIN_STATS_H
#define DAVIT_PLUGIN_STATS_H

#include <stdbool.h>

#include "common/handover.h"

struct counted {
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX]; /* the copy of the image that was read, or "" */
	bool is_wanted;                   /* the user wants to be told */
};

/* Reads the counts from the step's memfd. Returns false where nothing was counted. */
bool stats_read(int memfd, struct counted *counted);

/* Tells the user, if the user wants to be told. */
void stats_report(int memfd, const char *image);

#endif
