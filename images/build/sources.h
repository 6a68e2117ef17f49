/* SPDX-License-Identifier: BSD-3-Clause */
/* sources.h - which files of a tree the sources of COPY stand for. */
#ifndef DAVIT_BUILD_SOURCES_H
#define DAVIT_BUILD_SOURCES_H

#include <dirent.h>

#include "common/error.h"
#include "images/build/ignore.h"

/* Appends the paths below `root` that `pattern` matches: relative, normalised, in order, "" for the
 * root itself. Refuses a pattern with "..", and one that nothing matches. Returns 0, or -1 with `err`
 * set. */
int sources_find(struct list *paths, int root, const char *pattern, const struct ignore *ignore,
		 struct error *err);

/* For scandir(3): all but "." and "..", in an order that no locale changes. */
int sources_is_entry(const struct dirent *entry);
int sources_compare(const struct dirent **a, const struct dirent **b);

#endif
