/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forget.c - `davit forget JOB`: removes what the named containers of a job have kept on this node, and
 * its copies of images.
 *
 * The plugin runs it when the job has ended, as the job's user. Files of subordinate ids can only be
 * removed in a user namespace that has these.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/settings.h"
#include "launcher/commands.h"
#include "launcher/conf/conf.h"
#include "launcher/named.h"
#include "launcher/report.h"
#include "launcher/stage/stage.h"
#include "launcher/userns.h"

static int forget(const struct conf *conf, const char *job, struct error *err)
{
	const struct userns_request userns = { .fd = -1, .remap_root = true, .subids = true };
	struct error ignored = ERROR_INIT;

	if (named_forget(conf->state_dir, job, err) == 0)
		return 0;
	if (!conf->subids || userns_enter(&userns, &ignored) < 0)
		return -1;
	return named_forget(conf->state_dir, job, err);
}

int forget_main(int argc, char **argv)
{
	struct conf conf = { .state_dir = NULL };
	struct error err = ERROR_INIT;
	int result;

	/* It is root's child. Other processes of the user shall not make it theirs. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (argc != 2 || !argv[1][0] || argv[1][strspn(argv[1], "0123456789")]) {
		error_set(&err, 0, "davit forget wants the number of a job");
		error_remedy(&err,
			     "davit forget JOB; the plugin for Slurm runs it when a job has ended");
		report(&err);
		return err.code;
	}
	(void)setenv("SLURM_JOB_ID", argv[1], 1); /* for patterns in davit.conf */
	result = conf_load(&conf, &err);
	if (result == 0)
		result = forget(&conf, argv[1], &err);
	if (result == 0)
		result = stage_forget(&conf, argv[1], &err);
	conf_done(&conf);
	if (result == 0)
		return 0;
	report(&err);
	return err.code;
}
