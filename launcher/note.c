/* SPDX-License-Identifier: BSD-3-Clause */
/* note.c - see note.h. */
#include "launcher/note.h"

struct error *notes_add(struct notes *notes)
{
	static struct error scratch;
	struct error *note = notes->count < NOTES_MAX ? &notes->items[notes->count++] : &scratch;

	*note = (struct error)ERROR_INIT;
	return note;
}

void notes_copy(struct notes *notes, const struct error *note)
{
	if (note->cause[0])
		*notes_add(notes) = *note;
}

void notes_append(struct notes *notes, const struct notes *more)
{
	for (size_t i = 0; i < more->count; i++)
		notes_copy(notes, &more->items[i]);
}
