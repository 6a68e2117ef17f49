/* SPDX-License-Identifier: BSD-3-Clause */
/* paths.h - paths as they are meant, before there is a file. */
#ifndef DAVIT_BUILD_PATHS_H
#define DAVIT_BUILD_PATHS_H

#include <stdbool.h>

/* Returns an absolute path without doubled slashes, "." and "..", to be freed; links do not count, as in
 * Docker. A ".." too much is dropped, which goes to `leaves`, unless NULL. NULL when out of memory. */
char *paths_clean(const char *path, bool *leaves);

#endif
