/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c - `davit run`: the same container without Slurm, around one process. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/settings.h"
#include "launcher/commands.h"
#include "launcher/container.h"
#include "launcher/recipe.h"
#include "launcher/report.h"
#include "launcher/conf/request.h"

static void print_option(const char *name, const char *opposite, const struct option_def *def)
{
	printf("  --%s", name);
	if (def->has_arg == ARG_REQUIRED)
		printf("=%s", def->arg);
	else if (def->has_arg == ARG_OPTIONAL)
		printf("[=%s]", def->arg);
	printf("%s%s\n        %s\n", opposite ? ", --" : "", opposite ? opposite : "", def->help);
}

static void print_help(void)
{
	puts("Usage: davit run [OPTION]... IMAGE [--] [COMMAND [ARGUMENT]...]\n"
	     "Run a command, or the image's own, in a container made from an image, as yourself.\n\n"
	     "Options:");
	for (const struct option_def *def = settings_options + 1; def->name; def++)
		print_option(def->name, def->opposite, def);
	puts("  -h, --help\n        show this text\n\n"
	     "srun, sbatch and salloc know them as --container-NAME and --no-container-NAME.\n"
	     "The exit code is that of the command; 125: the container could not be set up,\n"
	     "126: the command cannot be executed, 127: it was not found. See davit(1).");
}

static int usage(struct error *err)
{
	return error_remedy(err, "davit run --help");
}

/* The image may be the first argument; the rest is the command. */
static int take_image(struct choices *choices, char ***argv, struct error *err)
{
	if (choices_value(choices, "image") || choices_value(choices, "name"))
		return 0;
	if (!(*argv)[0]) {
		error_set(err, 0, "no image given");
		return usage(err);
	}
	if (choices_set(choices, "image", *(*argv)++, "IMAGE", err) < 0)
		return -1;
	if ((*argv)[0] && strcmp((*argv)[0], "--") == 0)
		++*argv;
	return 0;
}

static int build(const struct request *request, char **argv, struct rendezvous *rendezvous,
		 struct error *err)
{
	struct way way = WAY_INIT;
	char cwd[PATH_MAX];
	struct container container = { .settings = &request->settings,
				       .conf = &request->conf,
				       .cwd = getcwd(cwd, sizeof(cwd)),
				       .has_command = argv[0] != NULL,
				       .userns = -1,
				       .rendezvous = rendezvous,
				       .save = SAVE_INIT };
	const struct rank rank = { .argv = argv,
				   .cwd = container.cwd ? cwd : "",
				   .way = &way,
				   .save = &container.save,
				   .forward = true };

	if (container_build(&container, &way, err) < 0)
		return -1;
	return recipe_follow(&rank, err);
}

/* Returns 1 when help was asked for, else only on failure. */
static int run(int argc, char **argv, struct request *request, struct rendezvous *rendezvous,
	       struct error *err)
{
	struct choices options = { .items = { { NULL, NULL } } };
	int words = choices_from_args(&options, argc, argv, err), result = -1;

	if (words > 0) {
		argv += words;
		result = take_image(&options, &argv, err);
		if (result == 0 && (request_begin(request, err) < 0 ||
				    choices_add(&request->choices, &options, err) < 0 ||
				    request_end(request, err) < 0))
			result = -1;
	}
	choices_done(&options);
	if (words == 0)
		return 1;
	if (result < 0 || rendezvous_alone(rendezvous, err) < 0)
		return -1;
	return build(request, argv, rendezvous, err);
}

int run_main(int argc, char **argv)
{
	struct request request = { .conf.state_dir = NULL };
	struct rendezvous rendezvous = { .memfd = -1 };
	struct error err = ERROR_INIT;
	int result = run(argc, argv, &request, &rendezvous, &err);

	request_done(&request);
	if (result > 0) {
		print_help();
		return 0;
	}
	/* Otherwise the image server has told what is wrong. */
	if (!rendezvous.handover || rendezvous_may_report(&rendezvous))
		report(&err);
	return err.code;
}
