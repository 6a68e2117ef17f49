/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_running.c - how processes are read and become a list of containers.
 *
 * A process is a directory with files here, as in /proc; the namespaces are made up.
 */
#include "launcher/running/running.c"

#include <stdarg.h>

#include "tests/unit/unit.h"

static char dir[] = "/tmp/davit-running.XXXXXX";
static int proc = -1;

static void put(const char *name, const void *data, size_t len)
{
	cleanup_close int fd = openat(proc, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, len), 0);
}

#define PUT(name, text) put(name, text, sizeof(text) - 1)

static void test_numbers(void **state)
{
	static const char *const bad[] = { "",    "-1",         "+1",
					   " 1",  "1 ",         "0x1",
					   "1\n", "4294967296", "99999999999999999999999" };
	uint32_t value = 7;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(number_parse(bad[i], &value));
	assert_int_equal(value, 7);
	assert_true(number_parse("0", &value));
	assert_int_equal(value, 0);
	assert_true(number_parse("4294967295", &value));
	assert_int_equal(value, UINT32_MAX);
}

static void test_steps(void **state)
{
	static const char *const good[] = { "0", "12", "batch", "interactive", "extern" };
	static const char *const bad[] = { "", "-", "x", "1.", "batch ", "4294967295" };
	char text[16];
	uint32_t step;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(step_parse(good[i], &step));
		assert_string_equal(step_format(step, text, sizeof(text)), good[i]);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(step_parse(bad[i], &step));
	/* as Slurm has it in the environment */
	assert_true(step_parse("4294967291", &step));
	assert_int_equal(step, STEP_BATCH);
	assert_string_equal(step_format(STEP_NONE, text, sizeof(text)), "-");
}

static void test_variables(void **state)
{
	static const char env[] = "A=1\0AB=two\0\0noise\0B=\0C=line\nA=9\0A=3\0END=cut";

	(void)state;
	assert_string_equal(process_variable(env, sizeof(env) - 1, "A"), "1");
	assert_string_equal(process_variable(env, sizeof(env) - 1, "AB"), "two");
	assert_string_equal(process_variable(env, sizeof(env) - 1, "B"), "");
	assert_string_equal(process_variable(env, sizeof(env) - 1, "C"), "line\nA=9");
	assert_string_equal(process_variable(env, sizeof(env) - 1, "END"), "cut");
	assert_null(process_variable(env, sizeof(env) - 1, "noise"));
	assert_null(process_variable(env, sizeof(env) - 1, "none"));
	assert_null(process_variable("", 0, "A"));
}

static void test_fields(void **state)
{
	(void)state;
	PUT("status", "Name:\tx\nPPid:\t42\nUid:\t7\t8\t9\t10\n");
	assert_int_equal(process_field(proc, "status", "PPid:"), 42);
	assert_int_equal(process_field(proc, "status", "Uid:"), 7);
	assert_int_equal(process_field(proc, "status", "Gid:"), 0);
	assert_int_equal(process_field(proc, "none", "Gid:"), 0);
}

static bool is_stepd(const char *title, const char *status, uint32_t *job, uint32_t *step)
{
	put("cmdline", title, strlen(title));
	put("status", status, strlen(status));
	return process_is_stepd(proc, job, step);
}

static void test_stepd(void **state)
{
	static const char *const bad[] = { "",
					   "slurmstepd: ",
					   "slurmstepd: [",
					   "slurmstepd: [7]",
					   "slurmstepd: [7.]",
					   "slurmstepd: [.0]",
					   "slurmstepd: [x.y]",
					   "bash slurmstepd: [7.0]" };
	const char *root = "Uid:\t0\t1000\t0\t0\n";
	uint32_t job = 0, step = 0;

	(void)state;
	assert_true(is_stepd("slurmstepd: [7.3]", root, &job, &step));
	assert_int_equal(job, 7);
	assert_int_equal(step, 3);
	assert_true(is_stepd("slurmstepd: [8.batch]   ", root, &job, &step));
	assert_int_equal(job, 8);
	assert_int_equal(step, STEP_BATCH);
	assert_true(is_stepd("slurmstepd: [9.4+1]", root, &job, &step));
	assert_int_equal(step, 4);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(is_stepd(bad[i], root, &job, &step));
	/* whatever a user's process calls itself, setuid or not */
	assert_false(is_stepd("slurmstepd: [7.0]", "Uid:\t1000\t0\t0\t0\n", &job, &step));
}

static struct running read_env(const char *env, size_t len)
{
	struct running seen = { .step = STEP_NONE, .rank = UINT32_MAX };

	put("environ", env, len);
	assert_int_equal(read_environment(proc, &seen), 0);
	return seen;
}

#define READ_ENV(text) read_env(text, sizeof(text))

static void test_environment(void **state)
{
	struct running seen = READ_ENV("DAVIT_IMAGE=/i.sqfs\0SLURM_JOB_ID=5\0SLURM_STEP_ID=2\0"
				       "SLURM_PROCID=3\0SLURMD_NODENAME=n1\0DAVIT_NAME=x");

	(void)state;
	assert_string_equal(seen.image, "/i.sqfs");
	assert_string_equal(seen.name, "x");
	assert_string_equal(seen.node, "n1");
	assert_int_equal(seen.job, 5);
	assert_int_equal(seen.step, 2);
	assert_int_equal(seen.rank, 3);
	release(&seen);

	seen = READ_ENV("SLURM_JOB_ID=5\0DAVIT_IMAGE=/i\0SLURMD_NODENAME=n1");
	assert_int_equal(seen.step, STEP_BATCH);
	release(&seen);
	/* a shell of salloc's; then no job at all; then nonsense */
	seen = READ_ENV("SLURM_JOB_ID=5\0DAVIT_IMAGE=/i");
	assert_int_equal(seen.job, 5);
	assert_int_equal(seen.step, STEP_NONE);
	release(&seen);
	seen = READ_ENV("SLURM_STEP_ID=5\0DAVIT_IMAGE=/i");
	assert_int_equal(seen.job, 0);
	assert_int_equal(seen.step, STEP_NONE);
	release(&seen);
	seen = READ_ENV("SLURM_JOB_ID=99999999999\0SLURM_PROCID=-1\0DAVIT_IMAGE=");
	assert_int_equal(seen.job, 0);
	assert_int_equal(seen.rank, UINT32_MAX);
	assert_string_equal(seen.image, "");
	release(&seen);

	seen = READ_ENV("SLURM_JOB_ID=5\0DAVIT_IMAGE=/i\0DAVIT_ENTERED=1");
	assert_null(seen.image);
	seen = READ_ENV("SLURM_JOB_ID=5");
	assert_null(seen.image);
}

/* ---- From processes to containers. */

static struct census census;
static struct error err;

static void process(pid_t pid, ino_t mount_ns, uint32_t step, uint32_t rank, const char *image)
{
	struct running seen = { .pid = pid,
				.uid = geteuid(),
				.user_ns = mount_ns + 1000,
				.parent_ns = 1,
				.mount_ns = mount_ns,
				.job = 5,
				.step = step,
				.rank = rank,
				.ranks = image ? 1 : 0,
				.processes = 1,
				.memory = 10 };

	assert_int_equal(copy(&seen.image, image), 0);
	assert_int_equal(grow(&census.list.items, census.list.count, sizeof(census.list.items[0])),
			 0);
	census.list.items[census.list.count++] = seen;
}

static struct running *list(void)
{
	assert_int_equal(arrange(&census), 0);
	return census.list.items;
}

static int forget(void **state)
{
	(void)state;
	running_list_done(&census.list);
	for (size_t i = 0; i < census.server_count; i++)
		free(census.servers[i].image);
	free(census.servers);
	census = (struct census){ .measure = false };
	err = (struct error)ERROR_INIT;
	return 0;
}

static void test_ranks(void **state)
{
	const struct running *items;

	(void)state;
	process(30, 7, 0, 2, "/i");
	process(31, 7, 0, 2, "/i");
	process(9, 7, 0, UINT32_MAX, NULL);
	process(33, 7, 0, 1, "/i");
	process(32, 7, 0, 1, "/i");
	items = list();
	assert_int_equal(census.list.count, 1);
	assert_int_equal(items[0].pid, 32);
	assert_int_equal(items[0].rank, 1);
	assert_int_equal(items[0].ranks, 2);
	assert_int_equal(items[0].processes, 5);
	assert_int_equal(items[0].memory, 50);
	assert_int_equal(items[0].server, 0);
}

static void test_several(void **state)
{
	const struct running_want third = { .job = 5, .step = 3 }, any = { 5, STEP_NONE, NULL },
				  other = { .job = 6, .step = STEP_NONE },
				  named = { 5, STEP_NONE, "x" };
	const struct running *items;

	(void)state;
	process(10, 8, STEP_BATCH, 0, "/b");
	process(11, 7, 10, 0, "/i");
	process(12, 7, 3, 0, "/i"); /* two steps in a named container */
	process(13, 9, 3, 1, "/i");
	assert_int_equal(copy(&census.list.items[3].name, "x"), 0);
	items = list();
	assert_int_equal(census.list.count, 4);
	assert_int_equal(items[0].pid, 12);
	assert_int_equal(items[1].pid, 13);
	assert_int_equal(items[2].pid, 11);
	assert_int_equal(items[3].pid, 10);
	assert_ptr_equal(running_find(&census.list, &third), &items[0]);
	assert_ptr_equal(running_find(&census.list, &any), &items[0]);
	assert_ptr_equal(running_find(&census.list, &named), &items[1]);
	assert_null(running_find(&census.list, &other));
}

static void test_matching(void **state)
{
	const struct running_want want = { .job = 5, .step = STEP_NONE };
	struct running *items;

	(void)state;
	process(10, 8, 0, 0, "/b");
	items = list();
	assert_int_equal(copy(&items[0].node, "n1"), 0);
	setenv("SLURMD_NODENAME", "n2", 1);
	assert_false(running_matches(&items[0], &want));
	setenv("SLURMD_NODENAME", "n1", 1);
	assert_true(running_matches(&items[0], &want));
	unsetenv("SLURMD_NODENAME");
	assert_true(running_matches(&items[0], &want));
	items[0].uid++;
	assert_false(running_matches(&items[0], &want));
}

static void test_inner(void **state)
{
	const struct running *items;

	(void)state;
	process(10, 8, 0, 0, "/i");
	process(11, 9, 0, 0,
		"/i"); /* a sandbox in it, one in that, and one with a clean environment */
	process(12, 10, 0, 0, "/i");
	process(13, 11, 0, UINT32_MAX, NULL);
	process(14, 12, 0, 0, "/another"); /* davit run in it */
	census.list.items[1].parent_ns = census.list.items[0].user_ns;
	census.list.items[2].parent_ns = census.list.items[1].user_ns;
	census.list.items[3].parent_ns = census.list.items[0].user_ns;
	census.list.items[4].parent_ns = census.list.items[0].user_ns;
	items = list();
	assert_int_equal(census.list.count, 2);
	assert_int_equal(items[0].pid, 10);
	assert_int_equal(items[0].processes, 4);
	assert_int_equal(items[1].pid, 14);
	assert_int_equal(items[1].processes, 1);
}

static void test_without_environment(void **state)
{
	const struct running *items;

	(void)state;
	process(10, 8, 0, UINT32_MAX, NULL); /* a container of others */
	process(11, 9, 0, UINT32_MAX, NULL);
	process(12, 9, 0, UINT32_MAX, NULL);
	assert_int_equal(grow(&census.servers, 0, sizeof(census.servers[0])), 0);
	census.servers[census.server_count++] = (struct server){ .pid = 99,
								 .user_ns = 1009,
								 .served = 77,
								 .is_counted = true,
								 .counts = { [STAT_HITS] = 5 },
								 .image = strdup("/i") };
	items = list();
	assert_int_equal(census.list.count, 1);
	assert_int_equal(items[0].pid, 11);
	assert_int_equal(items[0].ranks, 0);
	assert_int_equal(items[0].processes, 2);
	assert_int_equal(items[0].server, 99);
	assert_int_equal(items[0].served, 77);
	assert_true(items[0].is_counted);
	assert_int_equal(items[0].counts[STAT_HITS], 5);
	assert_string_equal(items[0].image, "/i");
}

static void test_nothing(void **state)
{
	(void)state;
	assert_int_equal(arrange(&census), 0);
	assert_int_equal(census.list.count, 0);
	/* what really runs here is anybody's guess, but must be readable */
	assert_int_equal(running_list_read(&census.list, true, &err), 0);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	proc = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return proc < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "status", "cmdline", "environ" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++)
		unlinkat(proc, files[i], 0);
	close(proc);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_stepd),
		cmocka_unit_test(test_environment),
		cmocka_unit_test_teardown(test_ranks, forget),
		cmocka_unit_test_teardown(test_several, forget),
		cmocka_unit_test_teardown(test_matching, forget),
		cmocka_unit_test_teardown(test_inner, forget),
		cmocka_unit_test_teardown(test_without_environment, forget),
		cmocka_unit_test_teardown(test_nothing, forget),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
