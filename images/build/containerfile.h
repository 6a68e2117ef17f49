/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * containerfile.h - a Containerfile (Dockerfile) taken apart.
 *
 * One instruction for each logical line: comments and empty lines are left out, continued lines joined,
 * flags and the exec form (a JSON array) recognised. Variables stay as they are, since what they stand
 * for is known only when the instruction's turn comes (words.h). What `davit image build` does not do is
 * refused here, before anything is done.
 *
 * The text is not trusted: it may be any bytes. Errors begin with NAME:LINE.
 */
#ifndef DAVIT_CONTAINERFILE_H
#define DAVIT_CONTAINERFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define CONTAINERFILE_MAX ((size_t)1 << 20) /* bytes */

enum verb {
	VERB_ADD,
	VERB_ARG,
	VERB_CMD,
	VERB_COPY,
	VERB_ENTRYPOINT,
	VERB_ENV,
	VERB_EXPOSE,
	VERB_FROM,
	VERB_LABEL,
	VERB_RUN,
	VERB_SHELL,
	VERB_STOPSIGNAL,
	VERB_USER,
	VERB_VOLUME,
	VERB_WORKDIR,
};

struct instruction {
	enum verb verb;
	unsigned int line; /* where it begins, from 1 */
	char **flags;      /* "--NAME=VALUE" each, ends with NULL; NULL: none */
	char **words;      /* of the exec form, ends with NULL; NULL where it is not in that form */
	char *text;        /* what follows flags, never ""; of RUN with its here-documents */
};

struct containerfile {
	const char *name; /* for messages; the caller's */
	char escape;      /* '\\' or '`' */
	struct instruction *items;
	size_t count;
	bool has_from;
};

/* Takes `len` bytes apart; the first instruction but for ARG is FROM. `file->name` is set, all else
 * zero. Returns 0, or -1 with `err` set; containerfile_done() frees in both cases. */
int containerfile_parse(struct containerfile *file, const char *text, size_t len,
			struct error *err);
void containerfile_done(struct containerfile *file);

/* Puts NAME:LINE of the instruction in front of `err`. Returns -1. */
int containerfile_blame(const struct containerfile *file, const struct instruction *at,
			struct error *err);

/* The instruction's word, in capitals. */
const char *containerfile_verb(enum verb verb);

/* The value of the flag --NAME, or NULL. */
const char *containerfile_flag(const struct instruction *instruction, const char *name);

#endif
