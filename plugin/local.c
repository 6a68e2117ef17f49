/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local.c - see local.h.
 *
 * --container is Slurm's own option since 21.08. Slurm tells plugins nothing about it, but exports
 * SLURM_CONTAINER to the step, unless that is set already: a nested `srun --container=B` in a job
 * that was submitted with A would see A. Likewise Slurm hands --container-image=A of salloc down to
 * a nested srun, in a variable of its own, where it would outweigh --container=B.
 *
 * So what was inherited is put aside before Slurm reads its environment and command line.
 * Afterwards SLURM_CONTAINER is what this command line (or SRUN_CONTAINER and its like) asked for;
 * only where it asked for nothing does srun get the inherited value back. sbatch and salloc do not:
 * a new job starts from its own options.
 */
#include "plugin/local.h"

#include <fcntl.h>
#include <slurm/spank.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "plugin/options.h"

/* Where Slurm's plugstack.c hands an option of ours down: to a nested srun, and to prologs. */
#define INHERITED_OPTION "_SLURM_SPANK_OPTION_davit_container_image"

static char *inherited;

static void put_aside(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		return;
	if (!inherited)
		inherited = strdup(value);
	unsetenv(name);
}

void local_init(void)
{
	put_aside("SLURM_CONTAINER");
	put_aside(INHERITED_OPTION);
	put_aside("SLURM_SPANK_" INHERITED_OPTION);
}

#if !HAVE_DECL_SPANK_PREPEND_TASK_ARGV
/* slurmstepd makes the commands of --multi-prog itself and shows them to no plugin before 23.11, so
 * they would run on the node. srun keeps the option to itself, too, but not its command line, whose
 * options end at `optind`, as getopt(3) has left it. */
static bool has_multi_prog(void)
{
	cleanup_close int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	cleanup_free char *line = fd < 0 ? NULL : fd_read_all(fd, 1 << 22, &len);
	int index = 0;

	for (const char *arg = line; arg && arg < line + len; arg += strlen(arg) + 1)
		if (index++ < optind && strlen(arg) > 4 &&
		    strncmp(arg, "--multi-prog", strlen(arg)) == 0)
			return true;
	return false;
}

static int check_shape(struct error *err)
{
	if (!has_multi_prog())
		return 0;
	error_set(err, 0, "--container and --multi-prog do not go together before Slurm 23.11");
	return error_remedy(err, "a script inside the container that looks at $SLURM_PROCID");
}
#else
static int check_shape(struct error *err)
{
	(void)err;
	return 0;
}
#endif

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
	if (asked && !asked[0]) {
		error_set(err, 0, "--container: empty image path");
		return error_remedy(err, "the path of a squashfs image");
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
	return is_srun && (asked || image) ? check_shape(err) : 0;
}
