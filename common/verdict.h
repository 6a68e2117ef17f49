/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verdict.h - what `davit judge` and the plugin say to each other: may this step have its container?
 *
 * The plugin starts one judge per node and step, before any rank. It is the launcher, as the user, but
 * the user can neither trace nor read it (judge_main.c); all that the user may do is to end it, and
 * then there is no container. Both sides talk by whole structs, over a socket pair of their own:
 *
 *	judge -> plugin		struct verdict
 *	plugin -> judge		struct verdict_job, after VERDICT_ASKS; another verdict follows
 *
 * Another verdict follows VERDICT_IMPORTS, too.
 *
 * The plugin takes the texts for no more than texts: it ends each with NUL, and scrubs them where it
 * shows them.
 */
#ifndef DAVIT_VERDICT_H
#define DAVIT_VERDICT_H

#include <limits.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/error.h"
#include "common/handover.h"

#define VERDICT_MAGIC       0x32566144u /* "DaV2" */
#define VERDICT_HANDOVER_FD 3           /* of the judge */
#define VERDICT_SOCKET_FD   4

enum verdict_kind {
	VERDICT_DENIED = 0,
	VERDICT_ALLOWED = 1,
	VERDICT_ASKS = 2, /* for the job's account and partition */
	VERDICT_IMPORTS =
		3 /* no verdict yet: the image is on its way; again every VERDICT_ALIVE_S */
};

#define VERDICT_ALIVE_S 10
#define VERDICT_TOTAL_S 540 /* srun gives a step up that has not begun after 600 seconds */

struct verdict {
	uint32_t magic;
	uint32_t kind;  /* enum verdict_kind */
	uint32_t audit; /* write lines to the system's log */
	uint32_t keeps; /* something may stay on the node until the job ends */
	struct handover_judged judged;
	uint64_t size;                 /* of the image, in bytes */
	int64_t mtime;                 /* of the image, in seconds */
	char image[PATH_MAX];          /* where it really is; "" where none was opened */
	char digest[DIGEST_TEXT_SIZE]; /* that was pinned, or is the kernel's; else "" */
	char options[1024];            /* what was chosen, for people */
	char cause[ERROR_TEXT_MAX], remedy[ERROR_TEXT_MAX]; /* with VERDICT_DENIED */
};

struct verdict_job {
	char account[256], partition[256]; /* "" where Slurm tells none */
};

#endif
