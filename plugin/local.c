/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local.c - see local.h.
 *
 * --container is Slurm's own option since 21.08. Slurm tells plugins nothing about it, but exports
 * SLURM_CONTAINER to the step, unless that is set already: a nested `srun --container=B` in a job
 * that was submitted with A would see A. So what was inherited is put aside before the command line
 * is parsed. Afterwards the variable is what this command line (or SRUN_CONTAINER and its like)
 * asked for; only where it asked for nothing does srun get the inherited value back. sbatch and
 * salloc do not: a new job starts from its own options.
 */
#include "plugin/local.h"

#include <slurm/spank.h>
#include <stdlib.h>
#include <string.h>

#include "common/settings.h"
#include "plugin/options.h"

static char *inherited;

void local_init(void)
{
	const char *value = getenv("SLURM_CONTAINER");

	if (!value)
		return;
	inherited = strdup(value);
	unsetenv("SLURM_CONTAINER");
}

int local_post_opt(bool is_srun, struct error *err)
{
	const char *asked = getenv("SLURM_CONTAINER");
	const char *image = options_value("image");
	const char *other = options_any_other();

	if (asked && image && strcmp(asked, image) != 0) {
		error_set(err, 0, "--container='%s' and --container-image='%s' contradict each other",
			  asked, image);
		return error_remedy(err, "one of the two");
	}
	if (asked && options_set("image", asked, err) < 0)
		return -1;
	if (!asked && !image && is_srun && inherited) {
		setenv("SLURM_CONTAINER", inherited, 1);
		asked = inherited;
	}
	if (other && !asked && !image) {
		error_set(err, 0, "--container-%s without an image", other);
		return error_remedy(err, "--container=FILE as well");
	}
	return 0;
}
