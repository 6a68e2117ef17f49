/* SPDX-License-Identifier: BSD-3-Clause */
/* image_main.c - `davit image`: finds the subcommand and its options. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "launcher/commands.h"
#include "launcher/image/image_commands.h"
#include "launcher/report.h"

static const struct command {
	const char *name;
	const char *synopsis; /* behind the name */
	const char *help;
	bool has_keys;
	int (*main)(const struct image_arguments *arguments, struct error *err);
} commands[] = {
	{ "seal", "IMAGE",
	  "write IMAGE.verity, by which each read can be checked; print the digest", false,
	  image_command_seal },
	{ "digest", "IMAGE", "print the digest, for --container-digest", false,
	  image_command_digest },
	{ "sign", "--key=KEY.pem... IMAGE", "add signatures to IMAGE.sig, by Ed25519 keys", true,
	  image_command_sign },
	{ "verify", "[--key=PUBLIC.pem]... IMAGE",
	  "check each byte, and that one of the keys, or of the site's, has signed it", true,
	  image_command_verify },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
	puts("Usage: davit image COMMAND [OPTION]... IMAGE\n"
	     "Seal, sign and verify images.\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %s %s\n        %s\n", commands[i].name, commands[i].synopsis,
		       commands[i].help);
	puts("\n  --key=FILE\n        a key in PEM, as openssl genpkey -algorithm ed25519 makes them\n"
	     "  -h, --help\n        show this text");
	return fflush(stdout) == 0 ? 0 : -1;
}

static const struct command *find(const char *name, struct error *err)
{
	const char *words[COMMANDS];
	const char *near;

	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
		words[i] = commands[i].name;
	}
	near = word_nearest(name, words, COMMANDS);
	error_set(err, 0, "there is no command 'image %s'", name);
	error_remedy(err, "davit image %s", near ? near : "--help");
	return NULL;
}

static int usage(const struct command *command, struct error *err)
{
	return error_remedy(err, "davit image %s %s", command->name, command->synopsis);
}

/* Returns 1 where help was asked for, 0, or -1 with `err` set. */
static int parse(const struct command *command, struct image_arguments *arguments, int argc,
		 char **argv, struct error *err)
{
	static const struct option options[] = { { "key", required_argument, NULL, 'k' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h')
			return 1;
		if (option == 'k' && command->has_keys) {
			arguments->keys[arguments->key_count++] = optarg;
			continue;
		}
		if (option == ':')
			error_set(err, 0, "option '%s' needs a value", argv[optind - 1]);
		else
			error_set(err, 0, "image %s knows no option '%s'", command->name,
				  argv[optind - 1]);
		return usage(command, err);
	}
	if (optind + 1 != argc) {
		error_set(err, 0, optind == argc ? "no image given" : "more than one image");
		return usage(command, err);
	}
	arguments->image = argv[optind];
	return 0;
}

static int run(int argc, char **argv, struct error *err)
{
	struct image_arguments arguments = { .image = NULL };
	const struct command *command = argc > 1 ? find(argv[1], err) : NULL;
	int result;

	if (argc < 2) {
		error_set(err, 0, "no command given");
		return error_remedy(err, "davit image --help");
	}
	if (!command)
		return -1;
	arguments.keys = calloc((size_t)argc, sizeof(*arguments.keys));
	if (!arguments.keys)
		return error_set(err, ENOMEM, "cannot keep the options");
	result = parse(command, &arguments, argc - 1, argv + 1, err);
	if (result == 0 && command->has_keys && command->main == image_command_sign &&
	    arguments.key_count == 0) {
		error_set(err, 0, "no key given");
		result = usage(command, err);
	}
	if (result == 0)
		result = command->main(&arguments, err);
	else if (result > 0)
		result = print_help();
	free(arguments.keys);
	if (result == 0 && fflush(stdout) != 0)
		return error_set(err, errno, "cannot write to standard output");
	return result;
}

int image_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return print_help() == 0 ? 0 : EXIT_SETUP;
	if (run(argc, argv, &err) == 0)
		return 0;
	report(&err);
	return err.code;
}
