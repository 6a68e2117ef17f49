/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * share.c - see share.h.
 *
 * What variables there are, on Slurm 22.05: a step has SLURM_GPUS_ON_NODE and SLURM_STEP_GPUS, a
 * batch script and salloc's interactive step have SLURM_GPUS_ON_NODE and SLURM_JOB_GPUS. A step
 * without GPUs has neither of its own, but SLURM_JOB_GPUS of the batch script that has started it.
 * For a rank SLURM_STEP_GPUS is narrowed, SLURM_GPUS_ON_NODE never is.
 */
#include "launcher/devices/share.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/running/process.h"

struct variables {
	const char *(*get)(void *context, const char *name);
	void *context;
};

/* NULL also for what is empty. */
static const char *variable(const struct variables *variables, const char *name)
{
	const char *value = variables->get(variables->context, name);

	return value && value[0] ? value : NULL;
}

static bool is_zero(const char *value)
{
	return !value || value[strspn(value, "0")] == '\0';
}

/* Is it a step of srun's, no batch script and no interactive step? A batch script that was
 * submitted by a step has that one's SLURM_STEP_ID and SLURM_STEP_GPUS still; so where the
 * variables are this process's, the slurmstepd above it is asked first. */
static bool is_step(const struct variables *variables, bool is_own)
{
	cleanup_close int self = is_own ? process_open(getpid()) : -1;
	const char *value = variable(variables, "SLURM_STEP_ID");
	uint32_t job, step;

	if (self >= 0 && process_find_stepd(self, &job, &step))
		return step < STEP_INTERACTIVE;
	return value && number_parse(value, &step) && step < STEP_INTERACTIVE;
}

/* Returns the numbers, or NULL where none can be trusted. Those of a job are never narrowed. */
static const char *find_numbers(const struct variables *variables, bool *is_narrowed)
{
	const char *of_step = variable(variables, "SLURM_STEP_GPUS");
	const char *of_job = variable(variables, "SLURM_JOB_GPUS");

	if (!of_job || is_step(variables, *is_narrowed))
		return of_step;
	*is_narrowed = false;
	return of_job;
}

/* Does the step give some of its GPUs to one rank and others to another? */
static bool has_binding(const struct variables *variables)
{
	static const char *const names[] = { "SLURM_GPUS_PER_TASK", "SLURM_NTASKS_PER_GPU",
					     "SLURM_GPU_BIND", "SLURM_TRES_BIND",
					     "SLURM_TRES_PER_TASK" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (variable(variables, names[i]))
			return true;
	return false;
}

/* Are these all that the step has? */
static bool is_whole(const struct variables *variables, size_t count)
{
	const char *value = variable(variables, "SLURM_GPUS_ON_NODE");
	uint32_t on_node;

	return value && number_parse(value, &on_node) ? count >= on_node : !has_binding(variables);
}

int share_read(struct share *share, const char *(*get)(void *context, const char *name),
	       void *context, bool is_narrowed, struct error *err)
{
	const struct variables variables = { .get = get, .context = context };
	struct error unread = ERROR_INIT;
	const char *numbers;

	*share = (struct share){ .kind = SHARE_ALL };
	if (!variable(&variables, "SLURM_JOB_ID"))
		return 0;
	if (is_zero(variable(&variables, "SLURM_GPUS_ON_NODE")) &&
	    is_zero(variable(&variables, "SLURM_SHARDS_ON_NODE"))) {
		share->kind = SHARE_NONE;
		return 0;
	}
	numbers = find_numbers(&variables, &is_narrowed);
	/* "NoDevFiles", or what another Slurm may write. */
	if (!numbers || numbers_parse(&share->numbers, numbers, &unread) < 0)
		return unread.errnum == ENOMEM
			       ? error_set(err, ENOMEM, "cannot read which GPUs there are")
			       : 0;
	share->kind = SHARE_LIST;
	if (is_narrowed && !is_whole(&variables, share->numbers.count)) {
		share_done(share);
		share->kind = SHARE_ALL;
	}
	return 0;
}

void share_done(struct share *share)
{
	numbers_done(&share->numbers);
	*share = (struct share){ .kind = SHARE_NONE };
}
