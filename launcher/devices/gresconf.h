/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gresconf.h - Slurm's gres.conf: which device files stand for which number.
 *
 * SLURM_STEP_GPUS and its like count the devices of a node in the order of gres.conf (verified on
 * 22.05 and 24.11: `File=/dev/nvidia[2-3]` are 0 and 1).
 */
#ifndef DAVIT_DEVICES_GRESCONF_H
#define DAVIT_DEVICES_GRESCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct gresconf {
	char **files;     /* of the devices, by number: the first file of each; ends with NULL; NULL: none */
	size_t count;
	bool autodetects; /* the file, or the line for this node, says AutoDetect= */
};

/* Reads what the text of a gres.conf says about the GRES `name` ("gpu") on the node `node` (NULL: any
 * line counts that names no other). Lines: comments, continuation by a backslash, keywords in any
 * case, NodeName=LIST with brackets, File=LIST, MultipleFiles=LIST (one device). What is not
 * understood is passed over, since Slurm has read it before. Returns 0, or -1 with `err` set when out
 * of memory. gresconf_done is due in each case. */
int gresconf_parse(struct gresconf *conf, const char *text, size_t len, const char *name,
		   const char *node, struct error *err);

/* The same for the file that this node's slurmd uses: beside $SLURM_CONF, else in
 * /run/slurm/conf or /etc/slurm. `node` is $SLURMD_NODENAME or NULL. None is no error. */
int gresconf_load(struct gresconf *conf, const char *name, struct error *err);
void gresconf_done(struct gresconf *conf);

#endif
