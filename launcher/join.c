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
#include "launcher/commands.h"
#include "launcher/container.h"
#include "launcher/mpi_advice.h"
#include "launcher/recipe.h"
#include "launcher/rendezvous.h"
#include "launcher/report.h"
#include "launcher/conf/request.h"

struct joining {
	struct rendezvous rendezvous;
	struct way way;
	struct save save;
	char cwd[PATH_MAX]; /* "" where there is none any more */
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

static int build(struct joining *joining, const struct request *request, struct error *err)
{
	const struct handover *handover = joining->rendezvous.handover;
	struct container container = {
		.settings = &request->settings,
		.conf = &request->conf,
		.rule = request->rule,
		.cwd = joining->cwd[0] ? joining->cwd : NULL,
		.script = handover->is_batch ? joining->argv[0] : NULL,
		.has_command = true,
		.userns = handover->userns_fd,
		.rendezvous = &joining->rendezvous,
		.save = SAVE_INIT,
		.tell = report,
	};
	int result = container_build(&container, &joining->way, err);

	joining->save = container.save;
	if (result == 0)
		report_notes(&container.notes);
	return result;
}

static int read_and_build(void *arg, struct error *err)
{
	struct joining *joining = arg;
	struct request request = { .conf.state_dir = NULL };
	int result = -1;

	if (request_begin(&request, err) == 0 &&
	    request_read(&request, joining->rendezvous.handover, err) == 0 &&
	    request_end(&request, err) == 0 &&
	    request_judge(&request, joining->rendezvous.handover, err) == 0)
		result = build(joining, &request, err);
	request_done(&request);
	return result;
}

static void advise(const struct way *way, const char *command, const char *workdir)
{
	struct error advice = ERROR_INIT;

	if (mpi_advice(command, workdir, way->namespaces.what & UNSHARE_NET, &advice) < 0)
		report(&advice);
}

static int run(struct joining *joining, int fd, struct error *err)
{
	const struct handover *handover;
	int result;

	if (rendezvous_open(&joining->rendezvous, fd, err) < 0)
		return -1;
	handover = joining->rendezvous.handover;
	if (!getcwd(joining->cwd, sizeof(joining->cwd)))
		joining->cwd[0] = '\0';
	result =
		rendezvous_enter(&joining->rendezvous, &joining->way, read_and_build, joining, err);
	if (result != 0)
		return result;
	const struct rank rank = { .handover = joining->rendezvous.handover,
				   .argv = joining->argv,
				   .cwd = joining->cwd,
				   .way = &joining->way,
				   .save = &joining->save,
				   .forward = handover->is_batch,
				   .advise = advise };

	return recipe_follow(&rank, err);
}

static int join(int fd, char **argv)
{
	static struct joining joining = { .way = WAY_INIT, .save = SAVE_INIT };
	struct error err = ERROR_INIT;
	int result;

	joining.argv = argv;
	result = run(&joining, fd, &err);
	if (result > 0)
		return result;
	if (joining.rendezvous.handover)
		rendezvous_report(&joining.rendezvous, &err);
	else
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
