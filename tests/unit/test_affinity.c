/* SPDX-License-Identifier: BSD-3-Clause */
/* test_affinity.c - CPUs of a node that has more of them than a cpu_set_t. */
#include "common/affinity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "images/cpus.h"
#include "launcher/helper.h"
#include "tests/unit/unit.h"

/* A node with so many, and what the only thread of the test may use of its cpuset. */
#define POSSIBLE 2048

static struct affinity cpuset, bound;

/* As the kernel's, which wants room for all of them. */
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	(void)pid;
	if (size * 8 < POSSIBLE) {
		errno = EINVAL;
		return -1;
	}
	memset(set, 0, size);
	memcpy(set, &bound, POSSIBLE / 8);
	return 0;
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	struct affinity wanted;

	(void)pid;
	memset(&wanted, 0, sizeof(wanted));
	memcpy(&wanted, set, size < POSSIBLE / 8 ? size : POSSIBLE / 8);
	CPU_AND_S(sizeof(wanted), wanted.sets, wanted.sets, cpuset.sets);
	if (affinity_count(&wanted) == 0) {
		errno = EINVAL;
		return -1;
	}
	bound = wanted;
	return 0;
}

/* A cpuset of `count` CPUs from `first`, and a process bound to the first of them. */
static void begin(int first, int count)
{
	memset(&cpuset, 0, sizeof(cpuset));
	for (int cpu = first; cpu < first + count; cpu++)
		CPU_SET(cpu % CPU_SETSIZE, &cpuset.sets[cpu / CPU_SETSIZE]);
	affinity_only(&bound, first);
	unsetenv("SLURM_CPUS_ON_NODE");
}

static void a_helper_has_all_of_the_cpuset(void **state)
{
	static const int firsts[] = { 0, 1000, 1023, 1024, 1500, POSSIBLE - 48 };

	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		begin(firsts[i], 48);
		assert_int_equal(helper_count_cpus(), 1);
		helper_use_all_cpus();
		assert_memory_equal(&bound, &cpuset, sizeof(bound));
		assert_int_equal(helper_count_cpus(), 48);
	}
}

static void a_thread_goes_to_any_and_comes_back(void **state)
{
	(void)state;
	begin(1020, 8);
	assert_int_equal(cpus_find_only(0), 1020);
	helper_use_all_cpus();
	assert_int_equal(cpus_find_only(0), -1);
	cpus_remember();
	for (int cpu = 1020; cpu < 1028; cpu++) {
		assert_true(cpus_use_only(cpu));
		assert_int_equal(cpus_find_only(0), cpu);
		assert_true(cpus_use_all_but(cpu));
		assert_int_equal(affinity_own_count(), 7);
		assert_false(affinity_has(&bound, cpu));
		cpus_use_all();
		assert_memory_equal(&bound, &cpuset, sizeof(bound));
	}
	assert_false(cpus_use_only(1028));
	assert_false(cpus_use_only(-1));
	assert_false(cpus_use_only(AFFINITY_CPUS));
	assert_false(cpus_use_all_but(-1));
	assert_memory_equal(&bound, &cpuset, sizeof(bound));
}

static void numbers_that_are_none(void **state)
{
	static const int numbers[] = { -1, AFFINITY_CPUS, 1 << 30, -1 - (1 << 30) };
	struct affinity one;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		affinity_only(&one, numbers[i]);
		assert_int_equal(affinity_count(&one), 0);
		assert_int_equal(affinity_use(&one), -1);
		affinity_fill(&one);
		assert_false(affinity_has(&one, numbers[i]));
		affinity_remove(&one, numbers[i]);
		assert_int_equal(affinity_count(&one), AFFINITY_CPUS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_helper_has_all_of_the_cpuset),
		cmocka_unit_test(a_thread_goes_to_any_and_comes_back),
		cmocka_unit_test(numbers_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
