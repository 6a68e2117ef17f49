/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * choices.h - the values of options and where each comes from.
 *
 * A layer is one source of values: davit.conf, the environment, the command line. Every value has
 * been checked when it is in a layer; the text stays, as the option's own parser takes it.
 */
#ifndef DAVIT_CHOICES_H
#define DAVIT_CHOICES_H

#include <stdbool.h>

#include "common/error.h"
#include "common/settings.h"

#define CHOICES_MAX 32 /* options at most */

struct choice_item {
	char *value;  /* NULL: not chosen */
	char *origin; /* "$NAME", "--NAME", "FILE:LINE" */
};

/* By index in settings_options. Zeroed, it is empty. */
struct choices {
	struct choice_item items[CHOICES_MAX];
};

/* The option that is called `name`, or whose opposite is; NULL if there is none. */
const struct option_def *choices_find(const char *name, bool *is_opposite);

/* Sets the option `name`, which may be an opposite: that is "no" where `value` says yes, and "yes"
 * where it says no. A NULL `value` stands for "yes". An earlier value is replaced. Returns 0, or -1
 * with `err` set and the layer as it was. */
int choices_set(struct choices *choices, const char *name, const char *value, const char *origin,
		struct error *err);

/* Takes what the environment of this process has: DAVIT_CONTAINER_NAME, else PYXIS_CONTAINER_NAME,
 * in upper case with '_' for '-'; of a switch and its opposite the switch counts. An empty value is
 * none. */
int choices_from_env(struct choices *choices, struct error *err);

/* Takes the options of a command line, --NAME and --container-NAME, up to the first word that is
 * none; argv[0] is the name of the command. Returns the index of that word, 0 when help was asked
 * for, or -1 with `err` set. */
int choices_from_args(struct choices *choices, int argc, char **argv, struct error *err);

/* Puts all that `upper` chooses on top of `choices`. */
int choices_add(struct choices *choices, const struct choices *upper, struct error *err);

/* The text that was chosen, or NULL. `name` is one in settings_options. */
const char *choices_value(const struct choices *choices, const char *name);

int choices_apply(const struct choices *choices, struct settings *settings, struct error *err);
void choices_done(struct choices *choices);

#endif
