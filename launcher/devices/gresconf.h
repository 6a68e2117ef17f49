/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gresconf.h - Slurm's gres.conf: which device files stand for which number.
 *
 * SLURM_STEP_GPUS and its like count the devices of a node in the order of gres.conf (verified on
 * 22.05 and 24.11: `File=/dev/nvidia[2-3]` are 0 and 1). Where they are of several types, those in
 * slurm.conf's Gres= of the node come first: with Gres=gpu:b:1,gpu:a:2 that of type b is 0
 * (verified on 22.05).
 */
#ifndef DAVIT_DEVICES_GRESCONF_H
#define DAVIT_DEVICES_GRESCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct gresconf {
	char **files; /* the first file of each device, by number; ends with NULL; NULL: none */
	size_t count;
	bool autodetects; /* the file, or the line for this node, says AutoDetect=, and not "off" */
	/* Then Slurm sorts all devices anew, those of `files`, too: by PCI address (nvml, rsmi,
	 * oneapi), or by the file's name with numbers by their value (nvidia). */
	bool detects_by_pci;
};

/* Reads what the text of a gres.conf says about the GRES `name` ("gpu") on the node `node`
 * (NULL: only lines count that name none), in the order of the lines; at most 4096 devices.
 * Lines: comments, continuation by a backslash, keywords in any case, NodeName=LIST with
 * brackets, File=LIST, MultipleFiles=LIST (one device). What is not understood is passed over,
 * since Slurm has read it before. Returns 0, or -1 with `err` set when out of memory.
 * gresconf_done is due in each case. */
int gresconf_parse(struct gresconf *conf, const char *text, size_t len, const char *name,
		   const char *node, struct error *err);

/* The same for the file that this node's slurmd uses: beside $SLURM_CONF, else in
 * /run/slurm/conf or /etc/slurm, with the files that it includes. `node` is $SLURMD_NODENAME or
 * NULL. Devices of several types are in the order of slurm.conf, if that can be read. None is no
 * error. */
int gresconf_load(struct gresconf *conf, const char *name, struct error *err);
void gresconf_done(struct gresconf *conf);

#endif
