/* SPDX-License-Identifier: BSD-3-Clause */
/* test_helper.c - how many CPUs a helper believes that the job has. */
#include "launcher/helper.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static int allowed(void)
{
	cpu_set_t cpus;

	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	return CPU_COUNT(&cpus);
}

static void the_cpuset_counts(void **state)
{
	(void)state;
	unsetenv("SLURM_CPUS_ON_NODE");
	assert_int_equal(helper_count_cpus(), allowed());
}

static void slurm_counts_where_it_says_less(void **state)
{
	char more[16];

	(void)state;
	setenv("SLURM_CPUS_ON_NODE", "1", 1);
	assert_int_equal(helper_count_cpus(), 1);
	snprintf(more, sizeof(more), "%d", allowed() + 1);
	setenv("SLURM_CPUS_ON_NODE", more, 1);
	assert_int_equal(helper_count_cpus(), allowed());
}

/* Users may write anything there. */
static void nonsense_does_not_count(void **state)
{
	static const char *const texts[] = { "",   "many", "0",
					     "-1", " ",    "99999999999999999999999",
					     "+",  "0x",   "-99999999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		setenv("SLURM_CPUS_ON_NODE", texts[i], 1);
		assert_int_equal(helper_count_cpus(), allowed());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cpuset_counts),
		cmocka_unit_test(slurm_counts_where_it_says_less),
		cmocka_unit_test(nonsense_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
