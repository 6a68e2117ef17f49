/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * envspec.h - what --container-env asks for.
 *
 *	ENV = NAME[=VALUE][,NAME[=VALUE]]...
 *
 * A backslash takes the meaning from a following ',' or '\'. A name alone stands for the value that
 * the job has, which then outweighs that of the image: pyxis's meaning.
 */
#ifndef DAVIT_ENVSPEC_H
#define DAVIT_ENVSPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct envspec {
	char *name;
	char *value; /* NULL: that of the job */
};

struct envlist {
	struct envspec *items;
	size_t count;
};

/* Appends what `text` asks for. Returns 0, or -1 with `err` set. */
int envlist_parse(struct envlist *list, const char *text, struct error *err);
void envlist_done(struct envlist *list);

/* Can the `len` bytes at `name` be the name of a variable: letters, digits and '_', no digit first? */
bool env_is_name(const char *name, size_t len);

#endif
