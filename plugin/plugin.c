/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plugin.c - the hooks that Slurm calls, in the order in which it calls them.
 *
 * local.c holds what runs in srun, sbatch and salloc, remote.c what runs in slurmstepd. Steps that
 * ask for no container pay for two look-ups and nothing else.
 *
 * plugstack.conf may give one argument: launcher=PATH [where configure put it].
 */
#include <slurm/spank.h>
#include <stdbool.h>
#include <string.h>

#include "common/error.h"
#include "plugin/epilog.h"
#include "plugin/local.h"
#include "plugin/options.h"
#include "plugin/remote.h"
#include "plugin/report.h"

SPANK_PLUGIN(davit, 1);

static const char *launcher = DAVIT_BINDIR "/davit";

static int fail(const struct error *err)
{
	report(err);
	return -1;
}

static bool is_local(void)
{
	spank_context_t context = spank_context();

	return context == S_CTX_LOCAL || context == S_CTX_ALLOCATOR;
}

static int parse_arguments(int argc, char **argv, struct error *err)
{
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "launcher=/", strlen("launcher=/")) != 0) {
			error_set(err, 0, "plugstack.conf: unknown argument '%s'", argv[i]);
			return error_remedy(err, "launcher=/absolute/path");
		}
		launcher = argv[i] + strlen("launcher=");
	}
	return 0;
}

int slurm_spank_init(spank_t spank, int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (!is_local() && spank_context() != S_CTX_REMOTE && spank_context() != S_CTX_JOB_SCRIPT)
		return 0;
	if (parse_arguments(argc, argv, &err) < 0)
		return fail(&err);
	if (spank_context() == S_CTX_JOB_SCRIPT)
		return 0;
	if (is_local())
		local_init(spank_context() == S_CTX_LOCAL);
	return options_register(spank) == ESPANK_SUCCESS ? 0 : -1;
}

int slurm_spank_init_post_opt(spank_t spank, int argc, char **argv)
{
	struct error err = ERROR_INIT;
	int result = 0;

	(void)argc;
	(void)argv;
	if (is_local())
		result = local_post_opt(spank_context() == S_CTX_LOCAL, &err);
	else if (spank_context() == S_CTX_REMOTE)
		remote_prepare(spank);
	return result < 0 ? fail(&err) : 0;
}

int slurm_spank_user_init(spank_t spank, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	remote_judge(spank, launcher);
	return 0;
}

int slurm_spank_task_init_privileged(spank_t spank, int argc, char **argv)
{
	(void)spank;
	(void)argc;
	(void)argv;
	remote_privileged();
	return 0;
}

int slurm_spank_task_init(spank_t spank, int argc, char **argv)
{
	struct error err = ERROR_INIT;

	(void)argc;
	(void)argv;
	return remote_task(spank, launcher, &err) < 0 ? fail(&err) : 0;
}

int slurm_spank_task_post_fork(spank_t spank, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	remote_forked(spank);
	return 0;
}

int slurm_spank_task_exit(spank_t spank, int argc, char **argv)
{
	struct error err = ERROR_INIT;

	(void)argc;
	(void)argv;
	if (remote_exited(spank, &err) < 0)
		report(&err);
	remote_tell_stats(spank);
	return 0;
}

int slurm_spank_exit(spank_t spank, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (spank_context() == S_CTX_REMOTE)
		remote_end(spank);
	return 0;
}

int slurm_spank_job_epilog(spank_t spank, int argc, char **argv)
{
	struct error err = ERROR_INIT;

	/* Other hooks have not been called in this process. */
	if (parse_arguments(argc, argv, &err) < 0 || epilog_forget(spank, launcher, &err) < 0)
		report(&err);
	return 0;
}
