/* SPDX-License-Identifier: BSD-3-Clause */
/* test_share.c - which GPUs a step gets; the variables are those that Slurm 22.05 has been seen
 * to set. */
#include <stdio.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/share.h"
#include "launcher/running/process.h"
#include "tests/unit/unit.h"

static struct share share;
static struct error err;

static int teardown(void **state)
{
	(void)state;
	share_done(&share);
	return 0;
}

static const char *get(void *context, const char *name)
{
	const char *const *variables = context;

	for (; *variables; variables += 2)
		if (strcmp(variables[0], name) == 0)
			return variables[1];
	return NULL;
}

static void check_numbers(const char *expected)
{
	char text[256] = "";

	for (size_t i = 0; i < share.numbers.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
			 text[0] ? "," : "", share.numbers.items[i]);
	assert_string_equal(text, expected);
}

struct share_case {
	const char *variables[16];
	bool is_narrowed;
	enum share_kind kind;
	const char *numbers;
};

#define JOB        "SLURM_JOB_ID", "7"
#define STEP       JOB, "SLURM_STEP_ID", "0"
#define ON_NODE(n) "SLURM_GPUS_ON_NODE", n
#define OF_STEP(l) "SLURM_STEP_GPUS", l
#define OF_JOB(l)  "SLURM_JOB_GPUS", l

/* Is this test itself a step or a batch script? That would outweigh the variables. */
static bool is_in_slurm(void)
{
	cleanup_close int self = process_open(getpid());
	uint32_t job, step;

	return process_find_stepd(self, &job, &step);
}

static void check_cases(const struct share_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (cases[i].is_narrowed && is_in_slurm())
			continue;
		share_done(&share);
		err = (struct error)ERROR_INIT;
		assert_int_equal(share_read(&share, get, (void *)(uintptr_t)cases[i].variables,
					    cases[i].is_narrowed, &err),
				 0);
		assert_string_equal(err.cause, "");
		assert_int_equal(share.kind, cases[i].kind);
		check_numbers(cases[i].numbers);
	}
}

static void steps(void **state)
{
	static const struct share_case cases[] = {
		/* No Slurm, whatever else is there. */
		{ { NULL }, true, SHARE_ALL, "" },
		{ { ON_NODE("1"), OF_STEP("0") }, true, SHARE_ALL, "" },
		{ { "SLURM_JOB_ID", "", OF_STEP("0") }, true, SHARE_ALL, "" },
		/* --gres=gpu:2 */
		{ { STEP, ON_NODE("2"), OF_STEP("0,1") }, true, SHARE_LIST, "0,1" },
		{ { STEP, ON_NODE("2"), OF_STEP("3,1") }, false, SHARE_LIST, "1,3" },
		/* a step without; in a job with */
		{ { STEP }, true, SHARE_NONE, "" },
		{ { STEP, OF_JOB("0,1") }, true, SHARE_NONE, "" },
		{ { STEP, ON_NODE("0"), OF_JOB("0,1") }, false, SHARE_NONE, "" },
		{ { STEP, ON_NODE(""), "SLURM_SHARDS_ON_NODE", "0" }, false, SHARE_NONE, "" },
		{ { JOB, OF_STEP("0") }, true, SHARE_NONE, "" },
		/* a batch script, and what it starts */
		{ { JOB, ON_NODE("2"), OF_JOB("0,1") }, true, SHARE_LIST, "0,1" },
		{ { STEP, ON_NODE("1"), OF_JOB("0,1"), OF_STEP("1") }, true, SHARE_LIST, "1" },
		{ { STEP, ON_NODE("1"), OF_JOB("0"), OF_STEP("2") }, false, SHARE_LIST, "2" },
		{ { STEP, ON_NODE("2"), OF_JOB("0,1") }, true, SHARE_ALL, "" },
		/* salloc's interactive step */
		{ { JOB, "SLURM_STEP_ID", "4294967290", ON_NODE("2"), OF_JOB("0,2") },
		  true,
		  SHARE_LIST,
		  "0,2" },
		/* shards */
		{ { STEP, ON_NODE("1"), "SLURM_SHARDS_ON_NODE", "1", OF_STEP("0") },
		  true,
		  SHARE_LIST,
		  "0" },
		{ { STEP, "SLURM_SHARDS_ON_NODE", "2", OF_STEP("1") }, true, SHARE_LIST, "1" },
	};

	(void)state;
	check_cases(cases, COUNT_OF(cases));
}

static void narrowed(void **state)
{
	static const struct share_case cases[] = {
		/* --gpus-per-task=1, --gpu-bind=..., --ntasks-per-gpu: only the list is shorter */
		{ { STEP, ON_NODE("2"), OF_STEP("1") }, true, SHARE_ALL, "" },
		{ { STEP, ON_NODE("2"), OF_STEP("1") }, false, SHARE_LIST, "1" },
		{ { STEP, ON_NODE("1"), OF_STEP("1"), "SLURM_GPUS_PER_TASK", "1" },
		  true,
		  SHARE_LIST,
		  "1" },
		/* --gpu-bind=none takes it away */
		{ { STEP, ON_NODE("2") }, true, SHARE_ALL, "" },
		/* a batch script's variables are for the steps to come */
		{ { JOB, ON_NODE("2"), OF_JOB("0,1"), "SLURM_GPUS_PER_TASK", "1" },
		  true,
		  SHARE_LIST,
		  "0,1" },
		/* without a count */
		{ { STEP, "SLURM_SHARDS_ON_NODE", "2", OF_STEP("1"), "SLURM_GPUS_PER_TASK", "1" },
		  true,
		  SHARE_ALL,
		  "" },
		{ { STEP, ON_NODE("many"), OF_STEP("1"), "SLURM_GPU_BIND", "single:1" },
		  true,
		  SHARE_ALL,
		  "" },
		{ { STEP, ON_NODE("-1"), OF_STEP("1"), "SLURM_TRES_BIND", "gres/gpu:single:1" },
		  true,
		  SHARE_ALL,
		  "" },
		{ { STEP, ON_NODE("99999999999"), OF_STEP("1"), "SLURM_TRES_PER_TASK",
		    "gres/gpu=1" },
		  true,
		  SHARE_ALL,
		  "" },
		{ { STEP, ON_NODE("many"), OF_STEP("1"), "SLURM_NTASKS_PER_GPU", "1" },
		  false,
		  SHARE_LIST,
		  "1" },
		{ { STEP, ON_NODE("many"), OF_STEP("1") }, true, SHARE_LIST, "1" },
	};

	(void)state;
	check_cases(cases, COUNT_OF(cases));
}

static void unknown_texts(void **state)
{
	static const char *const texts[] = {
		"NoDevFiles", "a",   "0,",   "4096",         "0,-1",
		"1-0",        "0 1", "0\n1", "GPU-9221d5d1", "99999999999999999999",
		"0-4095,x"
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const struct share_case one = {
			{ STEP, ON_NODE("2"), OF_STEP(texts[i]) }, false, SHARE_ALL, ""
		};

		check_cases(&one, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(narrowed),
		cmocka_unit_test(unknown_texts),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
