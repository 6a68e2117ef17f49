/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * survey.h - what `davit devices` tells: the node's devices, what a container would get of them, and
 * what is wrong.
 *
 * survey.c         finds it
 * survey_text.c    for people
 * survey_json.c    for programs
 * devices_main.c   the command
 */
#ifndef DAVIT_DEVICES_SURVEY_H
#define DAVIT_DEVICES_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "launcher/devices/grant.h"

struct survey {
	struct grant grant; /* without a topology: it cannot be told */
	bool is_granted; /* else a step cannot have what was asked for: that is among the problems */
	struct error *problems;
	size_t problem_count;
};

/* Looks at the node as grant_make() does. Returns 0, or -1 with `err` set when out of memory.
 * survey_done is due in each case. */
int survey_make(struct survey *survey, const struct grant_wish *wish, struct error *err);
void survey_done(struct survey *survey);

/* Is this GPU in the container? Its number, as Slurm counts, goes to *number. */
bool survey_has_gpu(const struct survey *survey, const struct gpu *gpu, unsigned int *number);
bool survey_has_nic(const struct survey *survey, const struct nic *nic);

/* Are these the two nearest to each other, as far as is known: is no other adapter nearer to the GPU? */
bool survey_is_nearest(const struct survey *survey, const struct gpu *gpu, const struct nic *nic);

void survey_print(const struct survey *survey);

/* Returns 0, or -1 with `err` set. */
int survey_print_json(const struct survey *survey, struct error *err);

#endif
