/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oci_run.c - what Slurm runs for a step with --container when its oci.conf is Davit's.
 *
 * Slurm starts an OCI runtime without the step's environment; that is in a file, each variable ended
 * by NUL. The command already begins with `davit join`, so all that is left to do is to load the
 * file and step aside.
 *
 * Slurm also does so for a component of a heterogeneous step that has no container, where one before
 * it has. Its command begins with `davit oci-run - --`.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/handover.h"
#include "launcher/commands.h"
#include "launcher/report.h"

#define ENV_SIZE_MAX (64u << 20)

/* The environment in `text`, which must outlive it. NULL when out of memory. */
static char **split(char *text, size_t len)
{
	size_t count = 0;
	char **env;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\0';
	env = calloc(count + 2, sizeof(*env));
	if (!env)
		return NULL;
	count = 0;
	for (char *at = text; at < text + len; at += strlen(at) + 1)
		if (*at)
			env[count++] = at;
	return env;
}

/* The environment is there already; the arguments are encoded, and no path has been looked up. */
static int run_on_node(char **argv, struct error *err)
{
	for (char **arg = argv; *arg; arg++)
		handover_decode_arg(*arg);
	execvp(argv[0], argv);
	return error_set(err, errno, "cannot execute '%s'", argv[0]);
}

static int oci_run(int argc, char **argv, struct error *err)
{
	cleanup_close int fd = -1;
	cleanup_free char *text = NULL;
	cleanup_free char **env = NULL;
	size_t len;

	if (argc < 4 || strcmp(argv[2], "--") != 0) {
		error_set(err, 0, "davit oci-run is started by Slurm, not by hand");
		return error_remedy(err, "the oci.conf that came with Davit, see spank_davit(8)");
	}
	if (strcmp(argv[1], "-") == 0)
		return run_on_node(argv + 3, err);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	text = fd < 0 ? NULL : fd_read_all(fd, ENV_SIZE_MAX, &len);
	env = text ? split(text, len) : NULL;
	if (!env)
		return error_set(err, errno, "cannot read the step's environment from '%s'",
				 argv[1]);
	environ = env;
	execvp(argv[3], argv + 3);
	return error_set(err, errno, "cannot execute '%s'", argv[3]);
}

int oci_run_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	oci_run(argc, argv, &err);
	report(&err);
	return err.code;
}
