/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_userns.c - the user namespace that the plugin makes, as the kernel sees it. Needs root.
 *
 * Each test enters the namespace in a child and reads the child's own maps.
 */
#include "plugin/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

#define USER  4242
#define GROUP 4343

static int need_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	return 0;
}

static int create(const gid_t *groups, int count)
{
	struct error err = ERROR_INIT;
	int fd = userns_create(USER, GROUP, groups, count, &err);

	if (fd < 0)
		fail_msg("%s", err.cause);
	return fd;
}

/* What /proc/self/NAME says inside; the caller frees it. */
static char *read_inside(int fd, const char *name)
{
	char path[64];
	int ends[2], status;
	char *text;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		size_t len = 0;
		int in;

		/* Only the owner of the namespace may enter it; the kernel sees root as one, too. */
		if (setns(fd, CLONE_NEWUSER) < 0)
			_exit(1);
		snprintf(path, sizeof(path), "/proc/self/%s", name);
		in = open(path, O_RDONLY);
		text = in < 0 ? NULL : fd_read_all(in, 1 << 20, &len);
		_exit(!text || fd_write_all(ends[1], text, len) < 0);
	}
	close(ends[1]);
	text = fd_read_all(ends[0], 1 << 20, NULL);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_non_null(text);
	return text;
}

struct range {
	unsigned int inside, outside, count;
};

static size_t read_ranges(int fd, const char *name, struct range *ranges, size_t max)
{
	char *text = read_inside(fd, name), *save = NULL;
	size_t count = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		assert_true(count < max);
		assert_int_equal(sscanf(line, "%u %u %u", &ranges[count].inside,
					&ranges[count].outside, &ranges[count].count),
				 3);
		assert_int_equal(ranges[count].inside, ranges[count].outside);
		count++;
	}
	free(text);
	return count;
}

static bool is_mapped(const struct range *ranges, size_t count, gid_t gid)
{
	for (size_t i = 0; i < count; i++)
		if (gid >= ranges[i].inside && gid - ranges[i].inside < ranges[i].count)
			return true;
	return false;
}

static bool is_in(const gid_t *groups, int count, gid_t gid)
{
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return gid == GROUP;
}

/* The map holds these groups and the primary one, and not one other; in `lines` lines. */
static void assert_groups(const gid_t *groups, int count, size_t lines)
{
	struct range ranges[400];
	int fd = create(groups, count);
	size_t got = read_ranges(fd, "gid_map", ranges, COUNT_OF(ranges));

	assert_int_equal(got, lines);
	assert_int_equal(ranges[0].inside, GROUP);
	assert_int_equal(ranges[0].count, 1);
	for (int i = 0; i < count; i++)
		assert_true(is_mapped(ranges, got, groups[i]));
	for (size_t i = 0; i < got; i++)
		for (unsigned int j = 0; j < ranges[i].count; j++)
			assert_true(is_in(groups, count, ranges[i].inside + j));
	close(fd);
}

static void only_the_user(void **state)
{
	struct range ranges[4];
	int fd = create(NULL, 0);
	char *text;

	(void)state;
	assert_int_equal(read_ranges(fd, "uid_map", ranges, COUNT_OF(ranges)), 1);
	assert_int_equal(ranges[0].inside, USER);
	assert_int_equal(ranges[0].count, 1);
	text = read_inside(fd, "setgroups");
	assert_string_equal(text, "deny\n");
	free(text);
	close(fd);
}

static void belongs_to_the_user(void **state)
{
	int fd = create(NULL, 0);
	uid_t owner = 0;

	(void)state;
	assert_int_equal(ioctl(fd, NS_GET_NSTYPE), CLONE_NEWUSER);
	assert_int_equal(ioctl(fd, NS_GET_OWNER_UID, &owner), 0);
	assert_int_equal(owner, USER);
	close(fd);
}

static void descriptor_survives_exec(void **state)
{
	int fd = create(NULL, 0);

	(void)state;
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	close(fd);
}

static void no_groups(void **state)
{
	(void)state;
	assert_groups(NULL, 0, 1);
}

static void one_group(void **state)
{
	const gid_t groups[] = { 77 };

	(void)state;
	assert_groups(groups, 1, 2);
}

static void primary_only(void **state)
{
	const gid_t groups[] = { GROUP };

	(void)state;
	assert_groups(groups, 1, 1);
}

static void duplicates(void **state)
{
	const gid_t groups[] = { 9, 7, 9, GROUP, 7, 7, GROUP, 9 };

	(void)state;
	assert_groups(groups, COUNT_OF(groups), 3);
}

static void runs_take_one_line(void **state)
{
	const gid_t groups[] = { 105, 101, 103, 102, 104, 102, 201, 200, 300 };

	(void)state;
	assert_groups(groups, COUNT_OF(groups), 4);
}

static void primary_in_the_middle_of_a_run(void **state)
{
	const gid_t groups[] = { GROUP - 2, GROUP - 1, GROUP, GROUP + 1, GROUP + 2 };
	const gid_t around[] = { GROUP + 1, GROUP - 1 };
	const gid_t at_the_ends[] = { GROUP, GROUP + 1, GROUP + 1, GROUP };

	(void)state;
	assert_groups(groups, COUNT_OF(groups), 3);
	assert_groups(around, COUNT_OF(around), 3);
	assert_groups(at_the_ends, COUNT_OF(at_the_ends), 2);
}

static void forty_scattered(void **state)
{
	gid_t groups[40];

	(void)state;
	for (int i = 0; i < 40; i++)
		groups[i] = (gid_t)(60000 - i * 7);
	assert_groups(groups, 40, 41);
}

static void extreme_numbers(void **state)
{
	const gid_t groups[] = { 0, 4294967294u, 65534, 2147483647u, 2147483648u };

	(void)state;
	assert_groups(groups, COUNT_OF(groups), 5);
}

/* What does not fit into the kernel's page is left out; the primary group never is. */
static void six_hundred_scattered(void **state)
{
	gid_t groups[600];
	struct range ranges[400];
	size_t lines;
	int fd;

	(void)state;
	for (int i = 0; i < 600; i++)
		groups[i] = (gid_t)(3000000000u - (unsigned int)i * 1000);
	fd = create(groups, 600);
	lines = read_ranges(fd, "gid_map", ranges, COUNT_OF(ranges));
	assert_true(lines > 100 && lines < 600);
	assert_int_equal(ranges[0].inside, GROUP);
	for (size_t i = 0; i < lines; i++) {
		assert_int_equal(ranges[i].count, 1);
		assert_true(is_in(groups, 600, ranges[i].inside));
	}
	close(fd);
}

/* Six hundred in a row fit well. */
static void six_hundred_in_a_row(void **state)
{
	gid_t groups[600];

	(void)state;
	for (int i = 0; i < 600; i++)
		groups[i] = (gid_t)(10000 + i);
	assert_groups(groups, 600, 2);
}

static void callers_groups_stay_as_given(void **state)
{
	const gid_t groups[] = { 9, 7, 8 };
	gid_t copy[3];

	(void)state;
	memcpy(copy, groups, sizeof(copy));
	close(create(copy, 3));
	assert_memory_equal(copy, groups, sizeof(copy));
}

/* The user's groups and ids have to be the child's own when it makes the namespace. */
static void root_stays_root(void **state)
{
	(void)state;
	close(create(NULL, 0));
	assert_int_equal(getuid(), 0);
	assert_int_equal(geteuid(), 0);
	assert_int_equal(getegid(), 0);
}

static void leaves_no_child(void **state)
{
	(void)state;
	close(create(NULL, 0));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void leaks_no_descriptor(void **state)
{
	int before = count_fds();

	(void)state;
	for (int i = 0; i < 20; i++)
		close(create(NULL, 0));
	assert_int_equal(count_fds(), before);
}

/* One who is not root can neither become the user nor leave anything behind. */
static void refused_without_privilege(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct error err = ERROR_INIT;
		int before, fd;

		if (setgroups(0, NULL) < 0 || setresgid(GROUP, GROUP, GROUP) < 0 ||
		    setresuid(USER, USER, USER) < 0)
			_exit(1);
		before = count_fds();
		fd = userns_create(USER + 1, GROUP, NULL, 0, &err);
		if (fd != -1 || err.errnum != EPERM ||
		    !strstr(err.cause, "cannot create a user namespace"))
			_exit(2);
		if (count_fds() != before || waitpid(-1, NULL, WNOHANG) != -1)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_the_user, need_root),
		cmocka_unit_test_setup(belongs_to_the_user, need_root),
		cmocka_unit_test_setup(descriptor_survives_exec, need_root),
		cmocka_unit_test_setup(no_groups, need_root),
		cmocka_unit_test_setup(one_group, need_root),
		cmocka_unit_test_setup(primary_only, need_root),
		cmocka_unit_test_setup(duplicates, need_root),
		cmocka_unit_test_setup(runs_take_one_line, need_root),
		cmocka_unit_test_setup(primary_in_the_middle_of_a_run, need_root),
		cmocka_unit_test_setup(forty_scattered, need_root),
		cmocka_unit_test_setup(extreme_numbers, need_root),
		cmocka_unit_test_setup(six_hundred_scattered, need_root),
		cmocka_unit_test_setup(six_hundred_in_a_row, need_root),
		cmocka_unit_test_setup(callers_groups_stay_as_given, need_root),
		cmocka_unit_test_setup(root_stays_root, need_root),
		cmocka_unit_test_setup(leaves_no_child, need_root),
		cmocka_unit_test_setup(leaks_no_descriptor, need_root),
		cmocka_unit_test_setup(refused_without_privilege, need_root),
	};

	return cmocka_run_group_tests_name("userns", tests, NULL, NULL);
}
