/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stage.h - a copy of the image on each node, before the ranks start (--container-stage).
 *
 * The first node of a step reads the image, once for all, and Slurm's broadcast brings it to the others.
 * Later steps of the job find it there. A node that gets nothing copies by itself.
 */
#ifndef DAVIT_STAGE_H
#define DAVIT_STAGE_H

#include "common/error.h"
#include "common/handover.h"
#include "common/settings.h"
#include "images/image.h"
#include "launcher/conf/conf.h"
#include "launcher/note.h"

struct stage_request {
	enum stage_choice wanted;
	const struct conf *conf;
	struct handover *handover; /* of the step; is told where the copy is */
	struct notes *notes;
};

/* Has the open image read from a copy from now on, where that is wanted: image->fd is the copy then, under
 * the same number, so what guards its reads stays in front. All else of the image, its path too, remains.
 * Returns 0, or -1 with `err` set. As the user, and as long as the node is as it is. */
int stage_image(struct image *image, const struct stage_request *request, struct error *err);

/* Removes what the job `job` of the calling user has on this node. */
int stage_forget(const struct conf *conf, const char *job, struct error *err);

#endif
