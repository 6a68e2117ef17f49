/* SPDX-License-Identifier: BSD-3-Clause */
/* image_main.c - `davit image`: the table of its commands. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "launcher/commands.h"
#include "launcher/image/image_commands.h"
#include "launcher/report.h"

static const struct image_option sign_options[] = {
	{ "key", 0, "FILE",
	  "a private key in PEM, as openssl genpkey -algorithm ed25519 makes them" },
	{ NULL },
};

static const struct image_option verify_options[] = {
	{ "key", 0, "FILE", "a public key in PEM, as openssl pkey -pubout makes them" },
	{ NULL },
};

static const struct image_option cache_options[] = {
	{ "all", 'a', NULL, "prune: remove all that no container uses" },
	{ "max", 0, "SIZE", "prune: leave no more than that [import-cache-max of davit.conf]" },
	{ NULL },
};

static const struct image_option json_options[] = {
	{ "json", 0, NULL, "as JSON" },
	{ NULL },
};

static const struct image_option ls_options[] = {
	{ "long", 'l', NULL, "also type, mode, links, owner, size, time, and targets of links" },
	{ "recursive", 'R', NULL, "all that is below, with full paths" },
	{ "json", 0, NULL, "as JSON, an object a line" },
	{ NULL },
};

static const struct image_option extract_options[] = {
	{ "directory", 'C', "DIR", "where to; made if missing. Default: here" },
	{ "force", 'f', NULL, "replace files that are there" },
	{ NULL },
};

static const struct image_option diff_options[] = {
	{ "contents", 0, NULL, "ignore modes, owners and extended attributes" },
	{ "times", 0, NULL, "compare modification times, too" },
	{ "json", 0, NULL, "as JSON" },
	{ NULL },
};

static const struct image_command commands[] = {
	{ "import", "[OPTION]... SOURCE [FILE]",
	  "make an image of docker://NAME:TAG, oci:DIR, a tar, a SIF, a directory, ...",
	  image_import_options, 1, 2, image_command_import },
	{ "inspect", "[--json] IMAGE", "show what the image is, says, and has in it", json_options,
	  1, 1, image_command_inspect },
	{ "ls", "[-lR] IMAGE [PATH]", "list files in the image", ls_options, 1, 2,
	  image_command_ls },
	{ "cat", "IMAGE PATH...", "write files of the image to standard output", NULL, 2, SIZE_MAX,
	  image_command_cat },
	{ "extract", "[-C DIR] IMAGE [PATH]...", "copy files out of the image", extract_options, 1,
	  SIZE_MAX, image_command_extract },
	{ "diff", "IMAGE IMAGE", "tell in which files two images differ", diff_options, 2, 2,
	  image_command_diff },
	{ "seal", "IMAGE",
	  "write IMAGE.verity, by which each read can be checked; print the digest", NULL, 1, 1,
	  image_command_seal },
	{ "digest", "IMAGE", "print the digest, for --container-digest", NULL, 1, 1,
	  image_command_digest },
	{ "sign", "--key=KEY.pem... IMAGE", "add signatures to IMAGE.sig, by Ed25519 keys",
	  sign_options, 1, 1, image_command_sign },
	{ "verify", "[--key=PUBLIC.pem]... IMAGE",
	  "read all of it, check each byte by the seal, and that one of the keys has signed it",
	  verify_options, 1, 1, image_command_verify },
	{ "cache", "[prune [--all] [--max=SIZE] | pull REFERENCE...]",
	  "show the import cache, remove what is too much, or import into it", cache_options, 0,
	  SIZE_MAX, image_command_cache },
	{ "list", "[--json]", "list the images of the import cache", json_options, 0, 0,
	  image_command_list },
	{ "rm", "REFERENCE|DIGEST...", "remove images from the import cache", NULL, 1, SIZE_MAX,
	  image_command_rm },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
	puts("Usage: davit image COMMAND [OPTION]... [ARGUMENT]...\n"
	     "Make images, look into them, verify, seal and sign them.\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %s %s\n        %s\n", commands[i].name, commands[i].synopsis,
		       commands[i].help);
	puts("\n  -h, --help\n        show this text\n\n"
	     "davit image COMMAND --help tells a command's options.");
	return 0;
}

static const struct image_command *find(const char *name, struct error *err)
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

static int run_command(const struct image_command *command, int argc, char **argv,
		       struct error *err)
{
	struct image_arguments arguments;
	int result = arguments_parse(&arguments, command, argc, argv, err);

	if (result == 0)
		result = command->main(&arguments, err);
	else if (result > 0)
		result = arguments_help(command);
	arguments_done(&arguments);
	return result;
}

static int run(int argc, char **argv, struct error *err)
{
	const struct image_command *command;

	if (argc < 2) {
		error_set(err, 0, "no command given");
		return error_remedy(err, "davit image --help");
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help();
	command = find(argv[1], err);
	return command ? run_command(command, argc - 1, argv + 1, err) : -1;
}

int image_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	int result = run(argc, argv, &err);

	if (result >= 0 && fflush(stdout) != 0)
		result = error_set(&err, errno, "cannot write to standard output");
	if (result >= 0)
		return result;
	report(&err);
	return err.code;
}
