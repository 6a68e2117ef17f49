/* SPDX-License-Identifier: BSD-3-Clause */
/* arguments.h - the command line of one command of `davit image`, taken apart by its options. */
#ifndef DAVIT_IMAGE_ARGUMENTS_H
#define DAVIT_IMAGE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct image_option {
	const char *name;  /* without dashes */
	char letter;       /* its short form, or 0 */
	const char *value; /* what the help calls its value; NULL: it takes none */
	const char *help;
};

struct image_arguments;

struct image_command {
	const char *name;
	const char *synopsis;               /* behind the name */
	const char *help;                   /* one line */
	const struct image_option *options; /* ends with one without a name; NULL: there are none */
	size_t operands_min, operands_max;
	/* Returns the exit code, 0 or more, or -1 with `err` set. */
	int (*main)(const struct image_arguments *arguments, struct error *err);
};

/* Strings are those of the command line. */
struct image_arguments {
	const struct image_command *command;
	char **operands;
	size_t operand_count;
	struct image_given {
		const char *name;
		char *value; /* "" where the option takes none */
	} * given;
	size_t given_count;
};

/* Takes the command line apart, `argv[0]` being the command's name; options and operands may come in
 * any order, and "--" ends the options. Returns 0, 1 where help was asked for, or -1 with `err` set; in
 * each case arguments_done() frees what is in `arguments`. */
int arguments_parse(struct image_arguments *arguments, const struct image_command *command,
		    int argc, char **argv, struct error *err);
void arguments_done(struct image_arguments *arguments);

/* The last value that was given for an option, or NULL where it was not given. */
const char *arguments_value(const struct image_arguments *arguments, const char *name);

/* All that were given for it: a list that ends with NULL, to be freed; NULL without memory. */
char **arguments_values(const struct image_arguments *arguments, const char *name);

/* Adds how the command is used to `err`, whose cause is set already. Returns -1. */
int arguments_usage(const struct image_arguments *arguments, struct error *err);

/* Writes the command's help to standard output. Returns 0. */
int arguments_help(const struct image_command *command);

#endif
