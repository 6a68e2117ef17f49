/* SPDX-License-Identifier: BSD-3-Clause */
/* test_squeue.c - what squeue says of a job. */
#include "plugin/squeue.h"

#include <string.h>

#include "tests/unit/unit.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *partition, *account;
	} cases[] = {
		{ "7 gpu physics\n", 0, "gpu", "physics" },
		{ "7 gpu (null)\n", 0, "gpu", "(null)" },
		{ "7 gpu \n", 0, "gpu", "" },
		{ "7 gpu\n", 0, "gpu", "" },
		{ "6 a x\n7 b y\n8 c z\n", 0, "b", "y" },
		{ "7 gpu two words\n", 0, "gpu", "two words" },
		{ "77 gpu physics\n", -1, "", "" },
		{ "slurm_load_jobs error: Invalid job id specified\n", -1, "", "" },
		{ "\n\n7 gpu a", 0, "gpu", "a" },
		{ "8 test x\n7 gpu admin\n7 test x\n7 gpu admin\n", -1, "gpu", "admin" },
		{ "7", -1, "", "" },
		{ "", -1, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct verdict_job job = { .account = "", .partition = "" };

		assert_int_equal(squeue_parse(cases[i].text, 7, &job), cases[i].result);
		if (cases[i].result < 0)
			continue;
		assert_string_equal(job.partition, cases[i].partition);
		assert_string_equal(job.account, cases[i].account);
	}
}

/* A name that is too long would be another one if it were cut. */
static void test_long(void **state)
{
	struct verdict_job job = { .account = "", .partition = "" };
	char text[1024];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "7 ", 2);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(squeue_parse(text, 7, &job), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
