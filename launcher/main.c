/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - `davit`: finds the subcommand. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/handover.h"
#include "launcher/commands.h"
#include "launcher/proctitle.h"
#include "launcher/report.h"

static int help_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("Usage: davit COMMAND [ARGUMENT]...\n"
	     "Launch containers for job steps, without privilege.\n\n"
	     "  run       run a command in a container by hand (also: exec)\n"
	     "  image     seal, sign and verify images, tell their digests\n"
	     "  inspect   show what an image says about itself\n"
	     "  mpi-check show whether the node's MPI can be used in an image, and why\n"
	     "  devices   show this node's GPUs and adapters, and what is wrong with them\n"
	     "  doctor    check whether this node is fit for Davit, with remedies\n"
	     "  enter     run a command in the container of a running job step\n"
	     "  ps        list the containers that run on this node\n"
	     "  config    show what davit.conf comes to\n"
	     "  forget    remove what a job's containers have kept (started by Slurm)\n"
	     "  judge     tell whether a step may have its container (started by Slurm)\n"
	     "  join      enter the container of a job step (started by Slurm)\n"
	     "  oci-run   stand in for an OCI runtime (started by Slurm)\n"
	     "  --help, --version\n\n"
	     "In a job: srun --container=IMAGE COMMAND\n"
	     "davit run --help tells the options; the manual is in davit(1).");
	return 0;
}

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts(PACKAGE_STRING);
	return 0;
}

/* clang-format off */
static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "run",       run_main },
	{ "exec",      run_main }, /* for hands that are used to Apptainer */
	{ "image",     image_main },
	{ "inspect",   inspect_main },
	{ "mpi-check", mpi_check_main },
	{ "devices",   devices_main },
	{ "doctor",    doctor_main },
	{ "enter",     enter_main },
	{ "ps",        ps_main },
	{ "config",    config_main },
	{ "forget",    forget_main },
	{ "join",      join_main },
	{ "judge",     judge_main },
	{ "oci-run",   oci_run_main },
	{ "--help",    help_main },
	{ "-h",        help_main },
	{ "help",      help_main },
	{ "--version", version_main },
	{ "-V",        version_main },
};
/* clang-format on */

static int refuse(const char *name)
{
	struct error err = ERROR_INIT;

	if (name)
		error_set(&err, 0, "there is no command '%s'", name);
	else
		error_set(&err, 0, "no command given");
	error_remedy(&err, "davit --help");
	report(&err);
	return err.code;
}

/* Nothing that is opened from now on may end up as standard input, output or error. */
static void open_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *how = getenv(HANDOVER_ENV);

	open_stdio();
	report_init();
	proctitle_init(argc, argv);
#if HAVE_DECL_SPANK_PREPEND_TASK_ARGV
	/* Whatever it is, it does not come from the plugin. */
	unsetenv(HANDOVER_ENV);
	how = NULL;
#endif
	if (how)
		return join_from_env(how, argc, argv);
	if (argc < 2)
		return refuse(NULL);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	return refuse(argv[1]);
}
