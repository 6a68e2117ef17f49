/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c - `davit run`: the same container without Slurm, around one process. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/settings.h"
#include "launcher/command.h"
#include "launcher/commands.h"
#include "launcher/container.h"
#include "launcher/report.h"

#define OPTIONS_MAX 64
#define OPT_HELP    1000

static void print_help(void)
{
	puts("Usage: davit run [OPTION]... IMAGE [--] COMMAND [ARGUMENT]...\n"
	     "Run a command in a container made from a squashfs image, as yourself.\n\nOptions:");
	for (const struct option_def *def = settings_options + 1; def->name; def++)
		printf("  --%s=%s\n        %s\n", def->name, def->arg, def->help);
	puts("  -h, --help\n        show this text\n\n"
	     "The exit code is that of the command; 125: the container could not be set up,\n"
	     "126: the command cannot be executed, 127: it was not found. See davit(1).");
}

static int usage(struct error *err)
{
	return error_remedy(err, "davit run --help");
}

/* Fills long options from the table of settings, whose index is the value: --NAME, and what srun
 * calls it, --container-NAME, for lines copied from a job script. */
static void make_options(struct option *options)
{
	static char names[OPTIONS_MAX][64];
	size_t count = 0;

	for (int i = 0; settings_options[i].name; i++) {
		const char *name = settings_options[i].name;

		snprintf(names[i], sizeof(names[i]), "container-%s", name);
		options[count++] = (struct option){ name, required_argument, NULL, i };
		options[count++] = (struct option){ names[i], required_argument, NULL, i };
	}
	options[count++] = (struct option){ "help", no_argument, NULL, OPT_HELP };
	options[count] = (struct option){ NULL, 0, NULL, 0 };
}

/* Returns 1 when help was asked for. */
static int parse(struct settings *settings, int argc, char **argv, struct error *err)
{
	struct option options[OPTIONS_MAX];
	int option;

	make_options(options);
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (option == 'h' || option == OPT_HELP)
			return 1;
		if (option == '?' || option == ':') {
			if (option == '?' && optopt > 0 && optopt < OPT_HELP)
				error_set(err, 0, "unknown option '-%c'", optopt);
			else
				error_set(err, 0,
					  option == ':' ? "option '%s' needs a value"
							: "unknown option '%s'",
					  argv[optind - 1]);
			return usage(err);
		}
		if (settings_set(settings, settings_options[option].name, optarg, err) < 0)
			return error_wrap(err, "--%s", settings_options[option].name);
	}
	if (!settings->image && optind < argc) {
		if (settings_set(settings, "image", argv[optind++], err) < 0)
			return -1;
		if (optind < argc && strcmp(argv[optind], "--") == 0)
			optind++;
	}
	if (optind >= argc) {
		error_set(err, 0, settings->image ? "no command given" : "no image given");
		return usage(err);
	}
	return 0;
}

static int run(int argc, char **argv, bool *silent, struct error *err)
{
	struct settings settings = { .image = NULL };
	struct rendezvous rendezvous = { .memfd = -1 };
	struct container container = { .settings = &settings,
				       .userns = -1,
				       .rendezvous = &rendezvous };
	char cwd[PATH_MAX];
	int result = parse(&settings, argc, argv, err);

	if (result > 0)
		print_help();
	if (result != 0)
		goto out;
	result = -1;
	if (container_cwd(&settings, cwd, sizeof(cwd), err) < 0)
		goto out;
	container.cwd = cwd;
	if (rendezvous_alone(&rendezvous, err) == 0 && container_build(&container, err) == 0)
		result =
			command_exec(argv + optind, settings.workdir ? settings.workdir : cwd, err);
	*silent = result < 0 && rendezvous.handover && !rendezvous_may_report(&rendezvous);
out:
	settings_done(&settings);
	return result;
}

int run_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	bool silent = false; /* the image server has told what is wrong */

	if (run(argc, argv, &silent, &err) >= 0)
		return 0;
	if (!silent)
		report(&err);
	return err.code;
}
