/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lines.h - the lines of a Containerfile, and here-documents in them.
 *
 *	RUN PROGRAM <<NAME	for the shell, which finds the lines up to NAME behind its own
 *	RUN <<NAME		those lines are what the shell is given
 * NAME may be in quotes, and have a number or a '-' in front, as in a shell.
 */
#ifndef DAVIT_BUILD_LINES_H
#define DAVIT_BUILD_LINES_H

#include <stdbool.h>

#include "common/error.h"

struct lines {
	char *rest;
	unsigned int number; /* of the line that was taken last */
};

/* Takes the next one; NULL behind the last. */
char *lines_next(struct lines *lines);

/* Does the text of an instruction begin a here-document? */
bool lines_begins_document(const char *text);

/* Takes those that `text` begins. Returns what the shell is to be given, to be freed, or NULL with `err`
 * set. */
char *lines_take_documents(struct lines *lines, const char *text, struct error *err);

#endif
