/* SPDX-License-Identifier: BSD-3-Clause */
/* explain.h - what went wrong with a rank, where no rank can tell it. */
#ifndef DAVIT_PLUGIN_EXPLAIN_H
#define DAVIT_PLUGIN_EXPLAIN_H

#include "common/error.h"

struct explain_step {
	int memfd;    /* handover.h */
	int question; /* pipe to the image server */
	int *answer;  /* pipe from it, closed and -1 once it has not answered */
	const char *image;
};

/* For a rank that ended with `status`, as wait(2) has it: returns 0 where there is nothing to tell, or -1
 * with `err` set. Waits for the image server, for a moment. */
int explain_exit(const struct explain_step *step, int status, struct error *err);

#endif
