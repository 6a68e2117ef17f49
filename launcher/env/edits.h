/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * edits.h - changes to an environment, as a list.
 *
 * The ranks of a node have different environments (SLURM_PROCID), so the builder of the container
 * cannot hand one over; it hands over what is to be changed, and each rank changes its own.
 *
 *	EDITS = EDIT...
 *	EDIT  = one of enum edit, text, NUL
 */
#ifndef DAVIT_EDITS_H
#define DAVIT_EDITS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum edit {
	EDIT_SET = 'S', /* NAME=VALUE */
	EDIT_PREPEND =
		'P', /* NAME=VALUE: VALUE in front, ':' between unless one of them is empty */
	EDIT_APPEND = 'A',
	EDIT_UNSET = 'U', /* fnmatch(3) pattern of names */
	EDIT_ONLY = 'O',  /* a pattern, too; names stay that match one of those in a row */
	EDIT_JOB = 'J',   /* NAME: the value that it had before all edits, if it had one */
};

/* A list of all zeros is empty. */
struct edits {
	char *text;
	size_t len;
};

/* Appends one. Returns 0, or -1 with `err` set: it is no such edit, or there is no memory. */
int edits_add(struct edits *edits, enum edit op, const char *text, struct error *err);

/* Appends copies of all of `more`. */
int edits_append(struct edits *edits, const struct edits *more, struct error *err);

void edits_done(struct edits *edits);

/* What `len` bytes of edits make of `from`, an environment as execve(2) takes it: one block of
 * memory, to be freed by the caller. `from` stays as it is; what has no '=' in it is left out. NULL
 * with `err` set when out of memory or when an edit is malformed. `text` may change meanwhile: it is
 * read once, and trusted in nothing. */
char **edits_result(char *const *from, const char *text, size_t len, struct error *err);

/* Puts that result of `environ` in its place, for good: the former is not freed. */
int edits_apply(const char *text, size_t len, struct error *err);

/* Does a pattern of EDIT_UNSET match this name? */
bool edits_match(const char *pattern, const char *name);

#endif
