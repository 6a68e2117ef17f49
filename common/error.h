/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * error.h - what went wrong, in words a user can act on.
 *
 * A `struct error` belongs to the caller, who starts it with ERROR_INIT and passes it down as the
 * last parameter. The innermost function that knows the cause fills it; those above may only put
 * context in front (error_wrap). Nobody below main() prints: a function either passes an error on
 * or handles it, never both.
 *
 * No text may hold a control character: values from outside (paths, names) could otherwise forge
 * lines on a terminal or in a log. They are replaced by '?'.
 */
#ifndef DAVIT_ERROR_H
#define DAVIT_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes of Davit's own failures; every other code is the application's. See davit(1). */
enum exit_code {
	EXIT_SETUP = 125,     /* the container could not be set up */
	EXIT_NOT_EXEC = 126,  /* the command was found but cannot be executed */
	EXIT_NOT_FOUND = 127, /* the command was not found in the container */
};

#define ERROR_TEXT_MAX 1024 /* bytes, with the final NUL; longer text is cut */

struct error {
	int errnum;                  /* errno of the cause, 0 where none fits */
	int code;                    /* exit code for the process, one of enum exit_code */
	char cause[ERROR_TEXT_MAX];  /* "" as long as nothing failed */
	char remedy[ERROR_TEXT_MAX]; /* "" where nobody knows one */
};

#define ERROR_INIT                                                         \
	{                                                                  \
		.errnum = 0, .code = EXIT_SETUP, .cause = "", .remedy = "" \
	}

#define ERROR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Records the cause; strerror(errnum) is appended unless errnum is 0. Always returns -1, and sets
 * errno to errnum. Forgets an earlier cause and remedy. */
int error_set(struct error *err, int errnum, const char *fmt, ...) ERROR_PRINTF(3, 4);

/* Puts "context: " in front of the cause. Always returns -1. */
int error_wrap(struct error *err, const char *fmt, ...) ERROR_PRINTF(2, 3);

/* Says what the reader can do. The first remedy set after the cause stays. Always returns -1. */
int error_remedy(struct error *err, const char *fmt, ...) ERROR_PRINTF(2, 3);

/* Writes the lines that a user sees, each ended by '\n', to `out`:
 *	davit: NODE: CAUSE
 *	davit: NODE: try: REMEDY
 * Returns the length of the text, which is cut to fit `size`. */
size_t error_format(const struct error *err, const char *node, char *out, size_t size);

/* Replaces every control character of `text` by '?'. */
void error_scrub(char *text);

#endif
