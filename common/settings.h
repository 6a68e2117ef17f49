/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * settings.h - what the user asked for, and the one table of options behind it.
 *
 * srun knows an option as --container-NAME, `davit run` as --NAME. The plugin checks each value
 * when srun parses it and hands the same text to the launcher, which parses it again with the same
 * function: the text is the interface (handover.h).
 */
#ifndef DAVIT_SETTINGS_H
#define DAVIT_SETTINGS_H

#include <stddef.h>

#include "common/error.h"
#include "common/mountspec.h"

struct settings {
	char *image;   /* path as the user gave it, never "" */
	char *workdir; /* absolute path inside, or NULL for that of the job */
	struct mountlist mounts;
};

struct option_def {
	const char *name; /* without "container-" */
	const char *arg;  /* what its value is called in help texts */
	const char *help; /* one line, no full stop */
	int (*set)(struct settings *settings, const char *value, struct error *err);
};

/* Ends with a NULL name. The first entry is "image". */
extern const struct option_def settings_options[];

/* Finds the option `name` (without "container-"); NULL when there is none. */
const struct option_def *settings_find(const char *name);

/* Sets one option, overriding an earlier value. Returns 0, or -1 with `err` set and `settings` as
 * it was. */
int settings_set(struct settings *settings, const char *name, const char *value, struct error *err);

void settings_done(struct settings *settings);

#endif
