/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * imports.h - from the name of an image in a registry to a file in the import cache.
 *
 * In a job, which image a name stands for is decided once, for all its nodes and steps (record.h). An
 * image is imported by one process at a time, and is kept while somebody uses it (turn.h).
 */
#ifndef DAVIT_IMPORTS_H
#define DAVIT_IMPORTS_H

#include "common/error.h"
#include "common/settings.h"

struct conf;

struct imports_want {
	const char *source; /* as in common/source.h */
	enum pull pull;
	const struct conf *conf;
	void (*tell)(const struct error
			     *note); /* what takes its time, or is not as usual; NULL: nobody */
};

struct imported {
	char *path;
	char *source; /* by which the very same image can be had again */
	int hold; /* as long as this is open, here or where it is inherited, the image is not removed */
};

#define IMPORTED_INIT      \
	{                  \
		.hold = -1 \
	}

/* Makes sure that the image is there. To be called as the user, outside of any container. Returns 0, or -1 with
 * `err` set; imported_done() releases what is in `imported` in each case. */
int imports_get(const struct imports_want *want, struct imported *imported, struct error *err);

void imported_done(struct imported *imported);

/* The name under which the cache knows a source: canonical, and paths absolute; to be freed. NULL with `err`
 * set. */
char *imports_name(const char *source, struct error *err);

#endif
