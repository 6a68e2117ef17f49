/* SPDX-License-Identifier: BSD-3-Clause */
/* note.h - things that the user should know although nothing has failed. */
#ifndef DAVIT_NOTE_H
#define DAVIT_NOTE_H

#include <stddef.h>

#include "common/error.h"

#define NOTES_MAX 8 /* what is more is left out */

struct notes {
	struct error items[NOTES_MAX]; /* with ERROR_INIT's code */
	size_t count;
};

/* Adds a note to be filled by error_set() and error_remedy(); where there is no room, a scratch one. */
struct error *notes_add(struct notes *notes);

/* Adds a copy, unless it is empty. */
void notes_copy(struct notes *notes, const struct error *note);

/* Adds copies of all. */
void notes_append(struct notes *notes, const struct notes *more);

#endif
