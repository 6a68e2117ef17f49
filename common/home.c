/* SPDX-License-Identifier: BSD-3-Clause */
/* home.c - see home.h. */
#include "common/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

char *home_expand(const char *path, struct error *err)
{
	const char *home = getenv("HOME");
	char *full = NULL;

	if (path[0] != '~' || (path[1] != '\0' && path[1] != '/')) {
		full = strdup(path);
	} else if (!home || home[0] != '/') {
		error_set(err, 0, "HOME is not set to tell what '~' is");
		error_remedy(err, "an absolute path");
		return NULL;
	} else if (asprintf(&full, "%s%s", home, path + 1) < 0) {
		full = NULL;
	}
	if (!full)
		error_set(err, ENOMEM, "cannot keep the path");
	return full;
}
