/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ignore.h - what .containerignore or .dockerignore keeps out of the context.
 *
 * One pattern a line: '*', '?' and [...] within a name, "**" for any number of directories; '!' in
 * front takes back what earlier lines have left out. Of several that match a path, or a directory above
 * it, the last counts.
 */
#ifndef DAVIT_BUILD_IGNORE_H
#define DAVIT_BUILD_IGNORE_H

#include <stdbool.h>

#include "images/build/list.h"

struct ignore {
	struct list patterns;
	bool takes_back; /* there is a line with '!' */
};

/* Takes `text` apart, which is changed. Returns 0, or -1 without memory. */
int ignore_parse(struct ignore *ignore, char *text);

/* Is `path`, relative and normalised, left out? */
bool ignore_has(const struct ignore *ignore, const char *path);

void ignore_done(struct ignore *ignore);

#endif
