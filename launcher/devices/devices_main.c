/* SPDX-License-Identifier: BSD-3-Clause */
/* devices_main.c - `davit devices`: which devices this node has, and what a container would get. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/commands.h"
#include "launcher/conf/request.h"
#include "launcher/devices/survey.h"
#include "launcher/report.h"

#define IS_WRONG 1 /* exit code */

static void print_help(void)
{
	puts("Usage: davit devices [--json] [OPTION]...\n"
	     "Show the GPUs and interconnect adapters of this node, where they are in it, what a\n"
	     "container would get of them (marked with *), and what is wrong. Within a step (srun davit\n"
	     "devices) that is what Slurm gave it; elsewhere, what --gpus says, or all. Options are those\n"
	     "of davit run that are about devices, such as --gpus=0,1, --nic=nearest, --device=NAME.\n\n"
	     "  --json\n        for programs\n"
	     "  -h, --help\n        show this text\n\n"
	     "The exit code is 0 if nothing is wrong, else 1; 125 where this cannot be told.");
}

/* Takes the word out of the arguments, wherever it is. */
static bool take_word(int *argc, char **argv, const char *word)
{
	int kept = 0;
	bool found = false;

	for (int i = 0; i < *argc; i++) {
		if (i > 0 && strcmp(argv[i], word) == 0)
			found = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	return found;
}

/* Returns 1 when help was asked for, else 0, or -1 with `err` set. */
static int parse(struct request *request, int argc, char **argv, struct error *err)
{
	struct choices options = { .items = { { NULL, NULL } } };
	int words = choices_from_args(&options, argc, argv, err), result = words < 0 ? -1 : 0;

	if (words > 0 && words < argc) {
		error_set(err, 0, "unexpected argument '%s'", argv[words]);
		result = error_remedy(err, "davit devices --help");
	} else if (words > 0 && (request_begin(request, err) < 0 ||
				 choices_add(&request->choices, &options, err) < 0 ||
				 request_end(request, err) < 0)) {
		result = -1;
	}
	choices_done(&options);
	return words == 0 ? 1 : result;
}

static int show(const struct request *request, bool as_json, bool *is_wrong, struct error *err)
{
	const struct grant_wish wish = { .settings = &request->settings, .conf = &request->conf };
	struct survey survey;
	int result = survey_make(&survey, &wish, err);

	if (result == 0) {
		*is_wrong = survey.problem_count > 0;
		if (as_json)
			result = survey_print_json(&survey, err);
		else
			survey_print(&survey);
	}
	survey_done(&survey);
	if (result == 0 && fflush(stdout) != 0)
		result = error_set(err, errno, "cannot write");
	return result;
}

int devices_main(int argc, char **argv)
{
	struct request request = { .conf.state_dir = NULL };
	struct error err = ERROR_INIT;
	bool as_json = take_word(&argc, argv, "--json"), is_wrong = false;
	int result = parse(&request, argc, argv, &err);

	if (result > 0)
		print_help();
	/* Whoever asks wants to hear of them. */
	if (request.settings.nic == NIC_UNSET)
		request.settings.nic = NIC_ALL;
	if (result == 0)
		result = show(&request, as_json, &is_wrong, &err);
	request_done(&request);
	if (result >= 0)
		return is_wrong ? IS_WRONG : 0;
	report(&err);
	return err.code;
}
