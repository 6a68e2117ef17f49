/* SPDX-License-Identifier: BSD-3-Clause */
/* test_slurm_wire.c - what clients in a container may send, and what must not be believed */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/slurm_wire.h"
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

/* How many descriptors this process has. */
static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void descriptors_travel(void **state)
{
	const int sent[] = { STDIN_FILENO, STDOUT_FILENO };
	int pair[2], got[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(slurm_wire_send(pair[0], "x", 1, sent, 2), 0);
	assert_int_equal(slurm_wire_receive(pair[1], &byte, 1, got, 2), 0);
	assert_int_equal(byte, 'x');
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	close(got[0]);
	close(got[1]);
	close(pair[0]);
	close(pair[1]);
}

static void refuse(const char *data, size_t len, size_t count)
{
	const int sent[] = { STDIN_FILENO, STDIN_FILENO, STDIN_FILENO };
	int pair[2], got[3], before = count_fds();
	char word[4];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	if (count > 0)
		assert_int_equal(slurm_wire_send(pair[0], data, len, sent, count), 0);
	else if (len > 0)
		assert_int_equal(send(pair[0], data, len, 0), len);
	close(pair[0]);
	assert_int_equal(slurm_wire_receive(pair[1], word, sizeof(word), got, 2), -1);
	assert_int_equal(errno, EPROTO);
	close(pair[1]);
	assert_int_equal(count_fds(), before);
}

static void wrong_messages_leave_nothing_behind(void **state)
{
	(void)state;
	refuse("", 0, 0);     /* closed */
	refuse("word", 4, 0); /* no descriptors */
	refuse("word", 4, 1); /* too few */
	refuse("word", 4, 3); /* too many */
	refuse("wor", 3, 2);  /* cut short */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_by_name),
		cmocka_unit_test(signals_to_pass),
		cmocka_unit_test(strings_are_split),
		cmocka_unit_test(strings_that_do_not_fit),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(wrong_messages_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
