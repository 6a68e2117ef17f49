/* SPDX-License-Identifier: BSD-3-Clause */
/* test_slurm_wire.c - what clients in a container may send, and what must not be believed */
#include <signal.h>

#include "launcher/slurm/wire.h"
#include "tests/unit/unit.h"

static void commands_by_name(void **state)
{
	(void)state;
	assert_string_equal(slurm_commands[slurm_wire_command("srun")], "srun");
	assert_string_equal(slurm_commands[slurm_wire_command("/usr/bin/sdiag")], "sdiag");
	assert_int_equal(slurm_wire_command("davit-slurm"), -1);
	assert_int_equal(slurm_wire_command("srun/"), -1);
	assert_int_equal(slurm_wire_command("/bin/sh"), -1);
	assert_int_equal(slurm_wire_command(""), -1);
}

static void signals_to_pass(void **state)
{
	(void)state;
	assert_true(slurm_wire_passes(SIGINT));
	assert_true(slurm_wire_passes(SIGTSTP));
	assert_false(slurm_wire_passes(SIGKILL));
	assert_false(slurm_wire_passes(SIGCHLD));
	assert_false(slurm_wire_passes(0));
	assert_false(slurm_wire_passes(255));
}

static void strings_are_split(void **state)
{
	char text[] = "/home\0srun\0\0a\nb\0X=1";
	char *strings[5];

	(void)state;
	assert_int_equal(slurm_wire_split(text, sizeof(text), strings, 5), 0);
	assert_string_equal(strings[0], "/home");
	assert_string_equal(strings[2], "");
	assert_string_equal(strings[3], "a\nb");
	assert_string_equal(strings[4], "X=1");
}

static void strings_that_do_not_fit(void **state)
{
	char text[] = "/home\0srun";
	char *strings[4];

	(void)state;
	assert_int_equal(slurm_wire_split(text, sizeof(text), strings, 1), -1);
	assert_int_equal(slurm_wire_split(text, sizeof(text), strings, 3), -1);
	assert_int_equal(slurm_wire_split(text, sizeof(text) - 1, strings, 2), -1);
	assert_int_equal(slurm_wire_split(text, 0, strings, 2), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_by_name),
		cmocka_unit_test(signals_to_pass),
		cmocka_unit_test(strings_are_split),
		cmocka_unit_test(strings_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
