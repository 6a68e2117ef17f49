/* SPDX-License-Identifier: BSD-3-Clause */
/* test_siblings.c - what variables and /proc tell of the ranks beside one. */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/meeting/siblings.h"
#include "tests/unit/unit.h"

static const char *const *variables; /* NAME, VALUE, ..., NULL */

static char *get(const char *name)
{
	for (size_t i = 0; variables[i]; i += 2)
		if (strcmp(variables[i], name) == 0)
			return (char *)(uintptr_t)variables[i + 1];
	return NULL;
}

static void test_lists(void **state)
{
	static const struct {
		const char *list;
		unsigned long node;
		unsigned int tasks;
	} cases[] = {
		{ "4", 0, 4 },       { "4", 1, 0 },
		{ "2(x3),1", 0, 2 }, { "2(x3),1", 2, 2 },
		{ "2(x3),1", 3, 1 }, { "2(x3),1", 4, 0 },
		{ "1,2,3", 2, 3 },   { "1(x2),8(x2),1", 3, 8 },
		{ "", 0, 0 },        { "x", 0, 0 },
		{ "2(x", 0, 0 },     { "2(x3", 0, 0 },
		{ "2(x3)", 3, 0 },   { "2;3", 1, 0 },
		{ ",2", 0, 0 },      { "99999999999999999999", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(siblings_of_node(cases[i].list, cases[i].node), cases[i].tasks);
}

static void test_counts(void **state)
{
	static const struct {
		const char *variables[9];
		unsigned int count;
		bool is_first;
	} cases[] = {
		{ { NULL }, 1, false },
		{ { "OMPI_COMM_WORLD_LOCAL_SIZE", "4", "OMPI_COMM_WORLD_LOCAL_RANK", "0" },
		  4,
		  true },
		{ { "OMPI_COMM_WORLD_LOCAL_SIZE", "4", "OMPI_COMM_WORLD_LOCAL_RANK", "3" },
		  4,
		  false },
		{ { "OMPI_COMM_WORLD_LOCAL_SIZE", "1" }, 1, false },
		{ { "OMPI_COMM_WORLD_LOCAL_SIZE", "0" }, 1, false },
		{ { "OMPI_COMM_WORLD_LOCAL_SIZE", "many" }, 1, false },
		{ { "MPI_LOCALNRANKS", "2", "MPI_LOCALRANKID", "0" }, 2, true },
		/* a step, and a batch script */
		{ { "SLURM_STEP_TASKS_PER_NODE", "1,3", "SLURM_NODEID", "1", "SLURM_LOCALID", "0" },
		  3,
		  true },
		{ { "SLURM_TASKS_PER_NODE", "4", "SLURM_NODEID", "0" }, 1, false },
		/* mpirun's daemon has been started by srun */
		{ { "SLURM_STEP_TASKS_PER_NODE", "1(x2)", "SLURM_NODEID", "0", "MPI_LOCALNRANKS",
		    "5" },
		  5,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		variables = cases[i].variables;
		assert_int_equal(siblings_count(get), cases[i].count);
		assert_int_equal(siblings_is_first(get), cases[i].is_first);
	}
}

/* Starts a process that runs `prepare` and then waits to be killed. Returns 0 if it cannot. */
static pid_t start(int (*prepare)(void))
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		byte = prepare && prepare() < 0 ? 'n' : 'y';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (byte == 'y')
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

static int leave_user_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int leave_mount_namespace(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS);
}

static void test_places(void **state)
{
	static int (*const ways_out[])(void) = { leave_user_namespace, leave_mount_namespace };
	pid_t pid = start(NULL);
	int pidfd = siblings_open(pid);

	(void)state;
	assert_true(pidfd >= 0);
	assert_false(siblings_has_ended(pidfd));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(siblings_has_ended(pidfd));
	close(pidfd);
	assert_int_equal(siblings_open(pid), -1);
	assert_int_equal(siblings_open(0), -1);
	assert_int_equal(siblings_open(-1), -1);
	for (size_t i = 0; i < COUNT_OF(ways_out); i++) {
		pid = start(ways_out[i]);
		if (pid == 0)
			continue; /* here nobody can be in a container */
		assert_int_equal(siblings_open(pid), -1);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* A rank of this process's, with a script between, answers with the daemon that it finds. */
static pid_t ask_below(int scripts)
{
	int answer[2];
	pid_t pid, found = 0;
	char fd[16], count[16];

	assert_int_equal(pipe(answer), 0);
	snprintf(fd, sizeof(fd), "%d", answer[1]);
	snprintf(count, sizeof(count), "%d", scripts);
	pid = fork();
	if (pid == 0) {
		setenv("PMI_RANK", "3", 1);
		execl("/proc/self/exe", "test_siblings", fd, count, (char *)NULL);
		_exit(1);
	}
	close(answer[1]);
	assert_int_equal(read(answer[0], &found, sizeof(found)), sizeof(found));
	close(answer[0]);
	waitpid(pid, NULL, 0);
	return found;
}

static int be_rank(int fd, int scripts)
{
	pid_t daemon;

	for (; scripts > 0; scripts--) {
		pid_t pid = fork();

		if (pid != 0)
			return waitpid(pid, NULL, 0) < 0;
	}
	daemon = siblings_daemon();
	return write(fd, &daemon, sizeof(daemon)) != sizeof(daemon);
}

static void test_daemon(void **state)
{
	(void)state;
	for (int scripts = 0; scripts < 4; scripts++)
		assert_int_equal(ask_below(scripts), getpid());
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_daemon),
	};

	if (argc == 3)
		return be_rank(atoi(argv[1]), atoi(argv[2]));
	unsetenv("PMI_RANK");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
