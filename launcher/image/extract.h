/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * extract.h - files of an image, written to a directory by the user who calls.
 *
 * A file is put at its path in the image below that directory. Nothing outside is written, whatever names and
 * links the image has and whoever else writes to the directory meanwhile: each directory on the way is
 * opened without following a link. What is there already is an error, but for directories, or replaced. A
 * file has its name when it is whole, whatever ends the process.
 */
#ifndef DAVIT_IMAGE_EXTRACT_H
#define DAVIT_IMAGE_EXTRACT_H

#include <stdbool.h>

#include "images/inodemap.h"
#include "launcher/image/opened.h"

struct extraction {
	const struct opened *opened;
	const char *dir; /* its name */
	int top;         /* and a descriptor */
	bool replaces;
	/* What was not taken along: device files and sockets, and user's attributes that the file system of
	 * `top` has no place for. */
	size_t left_out, lost_attributes;

	/* The rest is extract.c's. */
	int parent;        /* the directory that is written to, */
	char *parent_path; /* and its path below `top` */
	struct inodemap
		firsts; /* of files with several names: which of `paths` is the first, from 1 on */
	char **paths;
	size_t path_count, path_room;
	bool *is_new; /* by depth: the directory was made */
	char *buf;
	struct error *err;
};

/* Opens the directory `dir`, which is made where it does not exist. Returns 0, or -1 with `err` set.
 * extraction_done() releases it in each case. */
int extraction_init(struct extraction *extraction, const struct opened *opened, const char *dir,
		    struct error *err);
void extraction_done(struct extraction *extraction);

/* Writes the file at `path` of the image, and all below it where that is a directory. Returns 0, or -1 with
 * `err` set; what was written before stays. */
int extract(struct extraction *extraction, const char *path, struct error *err);

#endif
