/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c - `davit run`: the same container without the plugin, around one process, or around all ranks
 * that mpirun has started on this node. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/settings.h"
#include "launcher/commands.h"
#include "launcher/container.h"
#include "launcher/recipe.h"
#include "launcher/report.h"
#include "launcher/conf/request.h"
#include "launcher/meeting/meeting.h"
#include "launcher/meeting/siblings.h"

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

struct running {
	struct request request;
	struct rendezvous rendezvous;
	struct way way;
	struct save save;
	const char *cwd; /* "" where there is none any more */
	char **argv;
};

static int build(void *arg, struct error *err)
{
	struct running *running = arg;
	struct container container = { .settings = &running->request.settings,
				       .conf = &running->request.conf,
				       .cwd = running->cwd[0] ? running->cwd : NULL,
				       .has_command = running->argv[0] != NULL,
				       .userns = -1,
				       .rendezvous = &running->rendezvous,
				       .save = SAVE_INIT,
				       .tell = report };
	int result;

	if (request_judge(&running->request, NULL, err) < 0)
		return -1;
	container.rule = running->request.rule;
	result = container_build(&container, &running->way, err);
	running->save = container.save;
	if (result == 0)
		report_notes(&container.notes);
	return result;
}

static void put_wish(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=%s%c", name, value ? value : "", '\0');
}

/* All that makes a container what it is. Ranks that wish for the same share one; those of several
 * runs that one daemon has started do not. */
static char *make_wish(const struct running *running, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	for (size_t i = 0; settings_options[i].name; i++)
		if (running->request.choices.items[i].value)
			put_wish(out, settings_options[i].name,
				 running->request.choices.items[i].value);
	put_wish(out, "command", running->argv[0] ? "given" : "of the image");
	put_wish(out, "cwd", running->cwd);
	put_wish(out, "HOME", getenv("HOME"));
	put_wish(out, "XDG_CONFIG_HOME", getenv("XDG_CONFIG_HOME"));
	put_wish(out, "PMIX_NAMESPACE", getenv("PMIX_NAMESPACE"));
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* The ranks of mpirun, mpiexec, and of srun without the plugin's options, share one container per
 * node. Who saves it waits for all that could still enter, and the meeting for who has come. */
static int meet(struct running *running, unsigned int siblings, struct error *err)
{
	cleanup_free char *wish = NULL;
	struct error note = ERROR_INIT;
	size_t len = 0;

	if (siblings > 1 && !running->request.settings.save)
		wish = make_wish(running, &len);
	if (wish && meeting_attend(&running->rendezvous, wish, len, siblings, &note))
		return 0;
	if (note.cause[0] && siblings_is_first(getenv))
		report(&note);
	return rendezvous_alone(&running->rendezvous, err);
}

/* Returns 1 when help was asked for, else 0, or -1 with `err` set. */
static int parse(struct running *running, int argc, char **argv, struct error *err)
{
	struct request *request = &running->request;
	struct choices options = { .items = { { NULL, NULL } } };
	int words = choices_from_args(&options, argc, argv, err), result = words > 0 ? 0 : -1;

	if (words > 0) {
		running->argv = argv + words;
		result = take_image(&options, &running->argv, err);
		if (result == 0 && (request_begin(request, err) < 0 ||
				    choices_add(&request->choices, &options, err) < 0 ||
				    request_end(request, err) < 0))
			result = -1;
	}
	choices_done(&options);
	return words == 0 ? 1 : result;
}

static void tell_stats(const struct handover *handover, const char *image)
{
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX];

	if (!handover_stats(handover, values))
		return;
	(void)handover_staged(handover, staged);
	stats_tell(values, staged, image, report);
}

/* Returns only on failure: -1 with `err` set, or the code with which to leave silently. */
static int run(struct running *running, unsigned int siblings, struct error *err)
{
	int result = meet(running, siblings, err);

	if (result == 0)
		result = rendezvous_enter(&running->rendezvous, &running->way, build, running, err);
	request_done(&running->request);
	if (result != 0)
		return result;
	const struct rank rank = { .handover = running->rendezvous.handover,
				   .argv = running->argv,
				   .cwd = running->cwd,
				   .way = &running->way,
				   .save = &running->save,
				   .forward = true,
				   .tell = tell_stats };

	return recipe_follow(&rank, err);
}

static void tell(struct running *running, unsigned int siblings, const struct error *err)
{
	struct rendezvous *rendezvous = &running->rendezvous;
	struct error ignored = ERROR_INIT;

	/* What keeps ranks from wishing for anything is the same for all, mostly. */
	if (!rendezvous->handover && siblings > 1 &&
	    !meeting_attend(rendezvous, err->cause, strlen(err->cause) + 1, siblings, &ignored))
		rendezvous->handover = NULL;
	if (rendezvous->handover)
		rendezvous_report(rendezvous, err);
	else
		report(err);
}

int run_main(int argc, char **argv)
{
	static struct running running = { .way = WAY_INIT, .save = SAVE_INIT };
	unsigned int siblings = siblings_count(getenv);
	struct error err = ERROR_INIT;
	char cwd[PATH_MAX];
	int result;

	running.cwd = getcwd(cwd, sizeof(cwd)) ? cwd : "";
	result = parse(&running, argc, argv, &err);
	if (result > 0) {
		print_help();
		return 0;
	}
	if (result == 0)
		result = run(&running, siblings, &err);
	if (result > 0)
		return result;
	tell(&running, siblings, &err);
	return err.code;
}
