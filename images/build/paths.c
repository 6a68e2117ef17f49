/* SPDX-License-Identifier: BSD-3-Clause */
/* paths.c - see paths.h. */
#include "images/build/paths.h"

#include <stdlib.h>
#include <string.h>

char *paths_clean(const char *path, bool *leaves)
{
	char *out = malloc(strlen(path) + 2), *to = out;
	bool ignored;

	if (!out)
		return NULL;
	leaves = leaves ? leaves : &ignored;
	*leaves = false;
	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		size_t len = strcspn(path, "/");

		if (len == 2 && strncmp(path, "..", 2) == 0) {
			*leaves |= to == out;
			while (to > out && *--to != '/')
				;
		} else if (len != 1 || path[0] != '.') {
			*to++ = '/';
			memcpy(to, path, len);
			to += len;
		}
		path += len;
	}
	if (to == out)
		*to++ = '/';
	*to = '\0';
	return out;
}
