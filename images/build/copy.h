/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy.h - COPY: from one tree into another.
 *
 * Both trees are given by their root directories, and neither is left: links, absolute ones too, count
 * from the tree's own root, and nothing is written to what is mounted in the target. What is copied is
 * files, directories and links, with modes, times and extended attributes (attributes.h); a link that is named itself is followed.
 */
#ifndef DAVIT_BUILD_COPY_H
#define DAVIT_BUILD_COPY_H

#include "common/error.h"
#include "images/build/ignore.h"

struct copy {
	int from, to;
	const struct ignore *ignore; /* of `from`; or NULL */
	int mode;                    /* of all files and directories; -1: their own */
	bool is_image; /* devices and the like are left out of directories, not refused */
};

/* Copies what the patterns `sources` match to `target`, an absolute path: into it where it is a
 * directory or ends with '/', else to that name; of a directory, what is in it. Missing directories are
 * made. Returns 0, or -1 with `err` set. */
int copy_sources(const struct copy *copy, char *const *sources, const char *target,
		 struct error *err);

/* Makes the directory `path` and all above that are missing. Returns it, O_PATH, or -1 with `err` set. */
int copy_make_directory(int root, const char *path, struct error *err);

/* Puts a file of these bytes there, in place of what has the name. */
int copy_put_file(int root, const char *dir, const char *name, const char *text, struct error *err);

#endif
