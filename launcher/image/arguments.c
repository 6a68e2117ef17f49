/* SPDX-License-Identifier: BSD-3-Clause */
/* arguments.c - see arguments.h. */
#include "launcher/image/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/nearest.h"

static size_t count_options(const struct image_command *command)
{
	size_t count = 0;

	while (command->options && command->options[count].name)
		count++;
	return count;
}

/* What getopt_long(3) wants: the options' values are their places, "help" comes behind them; the short
 * forms go to `letters`. */
static struct option *make_table(const struct image_command *command, char *letters)
{
	size_t count = count_options(command);
	struct option *table = calloc(count + 2, sizeof(*table));

	if (!table)
		return NULL;
	*letters++ = ':';
	*letters++ = 'h';
	for (size_t i = 0; i < count; i++) {
		const struct image_option *option = &command->options[i];

		table[i] = (struct option){ .name = option->name,
					    .has_arg = option->value ? required_argument
								     : no_argument };
		if (!option->letter)
			continue;
		*letters++ = option->letter;
		if (option->value)
			*letters++ = ':';
	}
	*letters = '\0';
	table[count].name = "help";
	return table;
}

static const struct image_option *find_letter(const struct image_command *command, int letter)
{
	for (size_t i = 0; i < count_options(command); i++)
		if (command->options[i].letter == letter)
			return &command->options[i];
	return NULL;
}

/* The long option that `word` was meant to be, or NULL. */
static const char *find_near(const struct image_command *command, const char *word)
{
	size_t count = count_options(command);
	const char **names = calloc(count + 1, sizeof(*names)), *near = NULL;
	cleanup_free char *name =
		strncmp(word, "--", 2) == 0 ? strndup(word + 2, strcspn(word + 2, "=")) : NULL;

	for (size_t i = 0; names && i < count; i++)
		names[i] = command->options[i].name;
	if (names && name)
		near = word_nearest(name, names, count);
	free(names);
	return near;
}

static int refuse(const struct image_arguments *arguments, int option, char *const *argv,
		  struct error *err)
{
	const char *word = argv[optind - 1], *near;
	/* One of several behind a '-' may not be the last, and then it is the next word's turn. */
	const char letter[] = { '-', (char)optopt, '\0' };

	if (option == ':') {
		error_set(err, 0, "option '%s' needs a value", word);
		return arguments_usage(arguments, err);
	}
	if (optopt > ' ' && optopt <= '~')
		word = letter;
	error_set(err, 0, "image %s knows no option '%s'", arguments->command->name, word);
	near = find_near(arguments->command, word);
	return near ? error_remedy(err, "--%s", near) : arguments_usage(arguments, err);
}

static int parse_options(struct image_arguments *arguments, const struct option *table,
			 const char *letters, int argc, char **argv, struct error *err)
{
	const struct image_command *command = arguments->command;
	size_t count = count_options(command);
	static char none[] = "";
	int option, place = 0;

	opterr = 0;
	optind = 0; /* from the start: glibc's own way */
	while ((option = getopt_long(argc, argv, letters, table, &place)) != -1) {
		const struct image_option *found = NULL;

		if (option == 0 && (size_t)place < count)
			found = &command->options[place];
		else if (option == 0 || option == 'h')
			return 1;
		else if (option != ':' && option != '?')
			found = find_letter(command, option);
		if (!found)
			return refuse(arguments, option, argv, err);
		arguments->given[arguments->given_count++] =
			(struct image_given){ found->name, found->value ? optarg : none };
	}
	arguments->operands = argv + optind;
	arguments->operand_count = (size_t)(argc - optind);
	return 0;
}

static int check_operands(const struct image_arguments *arguments, struct error *err)
{
	const struct image_command *command = arguments->command;
	size_t count = arguments->operand_count;

	if (count >= command->operands_min && count <= command->operands_max)
		return 0;
	if (count == 0)
		error_set(err, 0, "no image given");
	else if (command->operands_max == 1)
		error_set(err, 0, "more than one image");
	else
		error_set(err, 0, "%zu arguments are too %s", count,
			  count < command->operands_min ? "few" : "many");
	return arguments_usage(arguments, err);
}

int arguments_parse(struct image_arguments *arguments, const struct image_command *command,
		    int argc, char **argv, struct error *err)
{
	cleanup_free char *letters = malloc(2 * count_options(command) + 3);
	struct option *table = letters ? make_table(command, letters) : NULL;
	size_t most = 1; /* a word such as "-qf" is several options */
	int result;

	for (int i = 1; i < argc; i++)
		most += strlen(argv[i]);
	*arguments = (struct image_arguments){ .command = command,
					       .given = calloc(most, sizeof(*arguments->given)) };
	if (!table || !arguments->given) {
		free(table);
		return error_set(err, ENOMEM, "cannot keep the options");
	}
	result = parse_options(arguments, table, letters, argc, argv, err);
	free(table);
	return result == 0 ? check_operands(arguments, err) : result;
}

void arguments_done(struct image_arguments *arguments)
{
	free(arguments->given);
	arguments->given = NULL;
}

const char *arguments_value(const struct image_arguments *arguments, const char *name)
{
	for (size_t i = arguments->given_count; i-- > 0;)
		if (strcmp(arguments->given[i].name, name) == 0)
			return arguments->given[i].value;
	return NULL;
}

char **arguments_values(const struct image_arguments *arguments, const char *name)
{
	char **values = calloc(arguments->given_count + 1, sizeof(*values));
	size_t count = 0;

	for (size_t i = 0; values && i < arguments->given_count; i++)
		if (strcmp(arguments->given[i].name, name) == 0)
			values[count++] = arguments->given[i].value;
	return values;
}

int arguments_usage(const struct image_arguments *arguments, struct error *err)
{
	const struct image_command *command = arguments->command;

	return error_remedy(err, "davit image %s %s", command->name, command->synopsis);
}

static void print_option(char letter, const char *name, const char *value, const char *help)
{
	char front[] = { '-', letter, ',', ' ', '\0' };

	printf("  %s--%s%s%s\n        %s\n", letter ? front : "", name, value ? "=" : "",
	       value ? value : "", help);
}

int arguments_help(const struct image_command *command)
{
	printf("Usage: davit image %s %s\n%c%s.\n\n", command->name, command->synopsis,
	       toupper(command->help[0]), command->help + 1);
	for (size_t i = 0; i < count_options(command); i++)
		print_option(command->options[i].letter, command->options[i].name,
			     command->options[i].value, command->options[i].help);
	print_option('h', "help", NULL, "show this text");
	return 0;
}
