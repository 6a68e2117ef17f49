/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * named.h - containers that a job keeps from step to step (--container-name).
 *
 * What such a container writes is in STATE_DIR/davit.JOB.NODE/NAME, a layer as overlay.h has it, and
 * out of the containers' sight, as long as nobody mounts STATE_DIR in them;
 * a link `image` beside it says what it lies over. When the job has ended, the plugin starts
 * `davit forget JOB`, as the user, and all of it goes.
 */
#ifndef DAVIT_NAMED_H
#define DAVIT_NAMED_H

#include "common/error.h"
#include "common/settings.h"

struct named {
	char *dir;   /* of the layer */
	char *image; /* that the container was made from, or NULL for a new one */
	int busy;    /* held while the container is being built: others of this name wait */
};

/* Finds or makes the place of the container that `settings` names; waits while another step builds
 * it. Returns 0, or -1 with `err` set. */
int named_open(struct named *named, const struct settings *settings, const char *state_dir,
	       struct error *err);

/* Notes the image of a new one. */
int named_keep_image(const struct named *named, const char *image, struct error *err);

void named_done(struct named *named);

/* Removes all that the job `job` of the calling user has kept on this node. */
int named_forget(const char *state_dir, const char *job, struct error *err);

/* Removes a directory of the user's with all that is in it, layers too. */
int named_remove_tree(const char *path, struct error *err);

#endif
