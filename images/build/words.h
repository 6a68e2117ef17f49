/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * words.h - the words of an instruction: quotes and variables.
 *
 *	'...'               as it is
 *	"..."               with variables; the escape character before '"', '$' or itself
 *	\X                  X, for any character; the escape character may be another
 *	$NAME ${NAME}       the variable's value, nothing where there is none
 *	${NAME:-WORD}       WORD where it is missing or empty; ${NAME-WORD} where it is missing
 *	${NAME:+WORD}       WORD where it is there and not empty; ${NAME+WORD} where it is there
 *	${NAME:?WORD}       an error with that word where it is missing or empty; ${NAME?WORD}
 * Values are not split into words and not looked into again.
 */
#ifndef DAVIT_BUILD_WORDS_H
#define DAVIT_BUILD_WORDS_H

#include "common/error.h"
#include "images/build/list.h"

#define WORD_MAX ((size_t)128 << 10) /* bytes: what execve(2) takes as one argument */

/* Appends the words of `text`, which blanks outside of quotes separate, with their quotes. Returns 0,
 * or -1 with `err` set: a quote does not end. */
int words_split(struct list *words, const char *text, char escape, struct error *err);

/* Returns `text` without quotes and with values in place of variables, to be freed; or NULL with `err`
 * set. */
char *words_expand(const char *text, char escape, const struct list *variables, struct error *err);

/* The length of the name of a variable at `text`; 0 where there is none. */
size_t words_name_len(const char *text);

#endif
