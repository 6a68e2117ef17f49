/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * join.c - a rank of a job step: in comes what the plugin handed over, out goes the application.
 *
 * All ranks of the node run this at the same time. One builds the container, the others enter it;
 * see rendezvous.h. Of a failure that all share, only one rank tells.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/handover.h"
#include "common/settings.h"
#include "launcher/command.h"
#include "launcher/commands.h"
#include "launcher/container.h"
#include "launcher/rendezvous.h"
#include "launcher/report.h"

struct rank {
	struct rendezvous rendezvous;
	struct settings settings;
	char cwd[PATH_MAX];
	char **argv;
};

static int parse_fd(const char *text, char end, int *fd, const char **rest)
{
	char *stop;
	long value;

	errno = 0;
	value = strtol(text, &stop, 10);
	if (errno || stop == text || *stop != end || value < 0 || value > INT_MAX)
		return -1;
	*fd = (int)value;
	*rest = stop;
	return 0;
}

static int read_settings(struct rank *rank, struct error *err)
{
	const char *text = handover_text(rank->rendezvous.handover);
	const char *end = text + rank->rendezvous.handover->text_len;

	for (; text < end; text += strlen(text) + 1) {
		const char *value = strchr(text, '=');
		char name[64];

		if (!value || (size_t)(value - text) >= sizeof(name))
			return error_set(err, 0, "the plugin sent a bad option '%s'", text);
		memcpy(name, text, (size_t)(value - text));
		name[value - text] = '\0';
		if (settings_set(&rank->settings, name, value + 1, err) < 0)
			return error_wrap(err, "--container-%s", name);
	}
	if (!rank->settings.image)
		return error_set(err, 0, "the plugin named no image");
	return 0;
}

static int build(struct rank *rank, struct error *err)
{
	const struct handover *handover = rank->rendezvous.handover;
	const struct container container = {
		.settings = &rank->settings,
		.cwd = rank->cwd,
		.script = handover->is_batch ? rank->argv[0] : NULL,
		.userns = handover->userns_fd,
		.rendezvous = &rank->rendezvous,
	};

	if (container_build(&container, err) == 0 &&
	    rendezvous_publish(&rank->rendezvous, err) == 0)
		return 0;
	rendezvous_fail(&rank->rendezvous, err->code);
	return -1;
}

/* Gets the rank into the container. Returns 0, or -1 with `err` set, or the code with which to leave
 * silently since the builder has told what went wrong. */
static int enter(struct rank *rank, struct error *err)
{
	int role = rendezvous_elect(&rank->rendezvous, err);
	int code;

	if (role < 0)
		return -1;
	if (role > 0)
		return build(rank, err);
	code = rendezvous_failure(&rank->rendezvous);
	return code ? code : rendezvous_join(&rank->rendezvous, err);
}

static int run(struct rank *rank, int fd, struct error *err)
{
	const char *workdir;
	int result;

	if (rendezvous_open(&rank->rendezvous, fd, err) < 0 || read_settings(rank, err) < 0)
		return -1;
	if (container_cwd(&rank->settings, rank->cwd, sizeof(rank->cwd), err) < 0)
		return -1;
	result = enter(rank, err);
	if (result != 0)
		return result;
	workdir = rank->settings.workdir ? rank->settings.workdir : rank->cwd;
	return command_exec(rank->argv, workdir, err);
}

static int join(int fd, char **argv)
{
	static struct rank rank;
	struct error err = ERROR_INIT;
	int result;

	rank.argv = argv;
	result = run(&rank, fd, &err);
	if (result > 0)
		return result;
	if (!rank.rendezvous.handover || rendezvous_may_report(&rank.rendezvous))
		report(&err);
	return err.code;
}

static int refuse(void)
{
	struct error err = ERROR_INIT;

	error_set(&err, 0, "davit join is started by Davit's plugin for Slurm, not by hand");
	error_remedy(&err, "davit run IMAGE COMMAND, or srun --container=IMAGE COMMAND%s",
		     getenv(HANDOVER_ENV) ? "; unset " HANDOVER_ENV : "");
	report(&err);
	return err.code;
}

int join_main(int argc, char **argv)
{
	const char *rest;
	int fd;

	if (argc > 1 && strcmp(argv[1], HANDOVER_NONE) == 0)
		return EXIT_SETUP;
	if (argc < 4 || parse_fd(argv[1], '\0', &fd, &rest) < 0 || strcmp(argv[2], "--") != 0)
		return refuse();
	for (int i = 3; i < argc; i++)
		handover_decode_arg(argv[i]);
	return join(fd, argv + 3);
}

int join_from_env(const char *how, int argc, char **argv)
{
	const char *rest;
	int fd;

	if (strncmp(how, HANDOVER_NONE ":", strlen(HANDOVER_NONE ":")) == 0)
		return EXIT_SETUP;
	if (argc < 1 || parse_fd(how, ':', &fd, &rest) < 0)
		return refuse();
	argv[0] = strdup(rest + 1);
	if (!argv[0])
		return EXIT_SETUP;
	unsetenv(HANDOVER_ENV);
	return join(fd, argv);
}
