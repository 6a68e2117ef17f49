/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_remap.c - root in a namespace of the user's, with the groups that the plugin's has. Needs
 * root, to make the plugin's.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/userns.h"
#include "plugin/userns.h"
#include "tests/unit/unit.h"

#define USER  4242
#define GROUP 4343

#define GROUPS_MAX 1000

/* What a process of the user's sees inside. */
struct view {
	char cause[ERROR_TEXT_MAX]; /* "" if it could be entered */
	char setgroups[8];
	uid_t uid;
	gid_t gid, groups[GROUPS_MAX];
	int count;
};

static int need_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	return 0;
}

static void look(struct view *view, int fd, bool ignore_children)
{
	const struct userns_request request = { .fd = fd, .remap_root = true };
	struct error err = ERROR_INIT;
	int file;

	if (ignore_children)
		(void)signal(SIGCHLD, SIG_IGN);
	/* As after an exec of an ordinary program. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (userns_enter(&request, &err) < 0) {
		snprintf(view->cause, sizeof(view->cause), "%s", err.cause);
		return;
	}
	view->uid = getuid();
	view->gid = getgid();
	view->count = getgroups(GROUPS_MAX, view->groups);
	file = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
	if (file < 0 || read(file, view->setgroups, sizeof(view->setgroups) - 1) < 0)
		snprintf(view->cause, sizeof(view->cause), "no /proc/self/setgroups");
}

/* Enters as the user, with these groups; all of them, or none, are in the plugin's namespace. */
static struct view *enter(gid_t *groups, int count, bool with_plugin, bool ignore_children)
{
	struct view *view = mmap(NULL, sizeof(*view), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct error err = ERROR_INIT;
	int fd = with_plugin ? userns_create(USER, GROUP, groups, count, &err) : -1;
	int status;
	pid_t pid;

	assert_true(view != MAP_FAILED && (fd >= 0 || !with_plugin));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgroups((size_t)count, groups) < 0 || setresgid(GROUP, GROUP, GROUP) < 0 ||
		    setresuid(USER, USER, USER) < 0)
			_exit(1);
		look(view, fd, ignore_children);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(view->cause, "");
	if (fd >= 0)
		close(fd);
	assert_int_equal(view->uid, 0);
	assert_int_equal(view->gid, 0);
	return view;
}

static int count_of(const struct view *view, gid_t gid)
{
	int count = 0;

	for (int i = 0; i < view->count; i++)
		count += view->groups[i] == gid;
	return count;
}

static void done(struct view *view)
{
	munmap(view, sizeof(*view));
}

static void groups_keep_their_numbers(void **state)
{
	gid_t groups[] = { GROUP, 5001, 70000, 5002, 5001, 4000000000u };
	struct view *view = enter(groups, (int)COUNT_OF(groups), true, false);

	(void)state;
	assert_int_equal(view->count, COUNT_OF(groups));
	assert_int_equal(count_of(view, 0), 1); /* the primary one */
	assert_int_equal(count_of(view, 5001), 2);
	assert_int_equal(count_of(view, 5002), 1);
	assert_int_equal(count_of(view, 70000), 1);
	assert_int_equal(count_of(view, 4000000000u), 1);
	assert_string_equal(view->setgroups, "deny\n");
	done(view);
}

/* The number of the node's group 0 is taken, and a group without a number looks like 65534. */
static void numbers_that_are_taken(void **state)
{
	gid_t groups[] = { 0, 5001, 65534 };
	struct view *view = enter(groups, (int)COUNT_OF(groups), true, false);

	(void)state;
	assert_int_equal(count_of(view, 0), 0);
	assert_int_equal(count_of(view, 5001), 1);
	assert_int_equal(count_of(view, 65534), 2);
	done(view);
}

/* A map has 340 lines, and less than a page. */
static void more_groups_than_a_map_takes(void **state)
{
	gid_t groups[900];
	struct view *view;

	(void)state;
	for (gid_t i = 0; i < 900; i++)
		groups[i] = 6000 + i; /* one line for the plugin */
	view = enter(groups, 900, true, false);
	assert_int_equal(count_of(view, 65534), 900 - 339);
	assert_int_equal(count_of(view, 6000), 1);
	done(view);
	for (gid_t i = 0; i < 900; i++)
		groups[i] = 4000000000u + i;
	view = enter(groups, 900, true, false);
	assert_in_range(count_of(view, 65534), 900 - 339, 900 - 160);
	done(view);
}

static void without_the_plugin(void **state)
{
	gid_t groups[] = { GROUP, 5001 };
	struct view *view = enter(groups, (int)COUNT_OF(groups), false, false);

	(void)state;
	assert_int_equal(count_of(view, 0), 1);
	assert_int_equal(count_of(view, 5001), 0);
	assert_string_equal(view->setgroups, "deny\n");
	done(view);
}

static void where_children_are_ignored(void **state)
{
	gid_t groups[] = { 5001 };
	struct view *view = enter(groups, 1, true, true);

	(void)state;
	assert_int_equal(count_of(view, 5001), 1);
	done(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(groups_keep_their_numbers, need_root),
		cmocka_unit_test_setup(numbers_that_are_taken, need_root),
		cmocka_unit_test_setup(more_groups_than_a_map_takes, need_root),
		cmocka_unit_test_setup(without_the_plugin, need_root),
		cmocka_unit_test_setup(where_children_are_ignored, need_root),
	};

	return cmocka_run_group_tests_name("remap", tests, NULL, NULL);
}
