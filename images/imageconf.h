/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * imageconf.h - what an image says about itself.
 *
 * The first of these that is there counts, alone:
 *	/.davit/config.json     an OCI image configuration
 *	config.json             of the bundle, when the image is one
 *	/.singularity.d         Apptainer's and Singularity's
 *	/ch/environment         Charliecloud's
 *	/etc/environment        enroot's, and that of many a distribution; with it /etc/rc
 * The first two are meant for a program like this: what is wrong in them is an error. The others
 * are not, so each line that is not understood is passed over.
 */
#ifndef DAVIT_IMAGECONF_H
#define DAVIT_IMAGECONF_H

#include <stdbool.h>

#include "common/error.h"
#include "images/files.h"
#include "images/image.h"

/* The lists end with NULL; one without entries is NULL. */
struct image_config {
	char **env;    /* "NAME=VALUE" in order; a name may come again, then its last counts */
	char *workdir; /* absolute, or NULL */
	char **entrypoint;
	char **command;     /* what to run where the user names nothing */
	char **labels;      /* "KEY=VALUE" */
	const char *origin; /* the file or directory, as listed above; NULL where there is none */
	bool scripts;       /* /.singularity.d/env/?*.sh have more than could be told without a
			     * shell; `env` is what could */
};

/* Reads what the image with the root directory `root` says, into `config`, which need not be
 * initialised. No link leads out of `root`, nothing blocks, and only regular files of up to 1 MiB
 * are read. Returns 0, or -1 with `err` set and nothing in `config`. */
int image_config_read(struct image_config *config, int root, const struct image *image,
		      struct error *err);

/* The same for an image that may not be mounted. */
int image_config_read_files(struct image_config *config, const struct image_files *files,
			    const struct image *image, struct error *err);

void image_config_done(struct image_config *config);

#endif
