/* SPDX-License-Identifier: BSD-3-Clause */
/* wire.c - see wire.h. Part of the launcher and of the static davit-slurm. */
#include "launcher/slurm/wire.h"

#include <signal.h>
#include <string.h>

const char *const slurm_commands[SLURM_COMMANDS] = { "srun",   "sbatch",   "salloc",  "squeue",
						     "sinfo",  "scontrol", "sacct",   "scancel",
						     "sstat",  "sbcast",   "sattach", "sprio",
						     "sshare", "sacctmgr", "sreport", "strigger",
						     "sdiag" };

int slurm_wire_command(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (int i = 0; i < SLURM_COMMANDS; i++)
		if (strcmp(slurm_commands[i], name) == 0)
			return i;
	return -1;
}

int slurm_wire_passes(int sig)
{
	switch (sig) {
	case SIGHUP:
	case SIGINT:
	case SIGQUIT:
	case SIGUSR1:
	case SIGUSR2:
	case SIGALRM:
	case SIGTERM:
	case SIGCONT:
	case SIGTSTP:
	case SIGWINCH:
		return 1;
	default:
		return 0;
	}
}

int slurm_wire_split(char *text, size_t size, char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strnlen(text, size);

		if (len == size)
			return -1;
		strings[i] = text;
		text += len + 1;
		size -= len + 1;
	}
	return size == 0 ? 0 : -1;
}
