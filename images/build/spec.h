/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spec.h - the configuration of an image that is being built, as the OCI's image-spec has it.
 *
 * It begins as that of the base, and what instructions say is put on top. Of the base's, what told of
 * its layers is left out, since the new image has none.
 */
#ifndef DAVIT_BUILD_SPEC_H
#define DAVIT_BUILD_SPEC_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"
#include "images/build/list.h"
#include "images/imageconf.h"

struct spec {
	json_t *whole, *config; /* the latter is within the former */
	struct list env;
	bool is_changed; /* something has been set */
};

/* Begins with what the base says. `text` is its own OCI configuration, if it has one, else NULL.
 * Returns 0, or -1 with `err` set; spec_done() frees in both cases. */
int spec_begin(struct spec *spec, const struct image_config *base, const char *text,
	       struct error *err);

/* Sets a key of the configuration to a text, or to a list, or to NULL: nothing. */
int spec_set_text(struct spec *spec, const char *key, const char *text, struct error *err);
int spec_set_words(struct spec *spec, const char *key, char *const *words, struct error *err);

/* Sets `name` in the object `key`, to `value`, or to {} where that is NULL. */
int spec_set_entry(struct spec *spec, const char *key, const char *name, const char *value,
		   struct error *err);

/* Sets the variable of "NAME=VALUE". */
int spec_set_env(struct spec *spec, const char *variable, struct error *err);

/* The text of `key`, or NULL. */
const char *spec_text(const struct spec *spec, const char *key);

/* All of it, to be freed; the same for the same. NULL with `err` set. */
char *spec_write(struct spec *spec, struct error *err);

void spec_done(struct spec *spec);

#endif
