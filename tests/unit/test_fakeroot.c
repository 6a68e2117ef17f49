/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_fakeroot.c - the calls that succeed without doing anything, and those that are left alone.
 *
 * Each test runs in a child with the filter. Whoever runs the tests, root or not, must see the same.
 */
#include "launcher/fakeroot.h"
#include "launcher/security/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/davit-fakeroot.XXXXXX";
static char *put_path, *put_text;

int root_put_file(struct root *root, const char *path, const char *text, struct error *err)
{
	(void)root;
	(void)err;
	free(put_path);
	free(put_text);
	put_path = strdup(path);
	put_text = strdup(text);
	return 0;
}

/* Returns the line where a check failed, 0 if none did. */
static int in_child(int (*checks)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct error err = ERROR_INIT;

		struct profile profile;
		struct filter filter;

		profile_init_open(&profile);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    profile_compile(&profile, true, &filter, &err) < 0 ||
		    filter_load(filter.data, filter.len, &err) < 0 || chdir(dir) < 0)
			_exit(255);
		filter_done(&filter);
		_exit(checks());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define CHECK(what)                      \
	do {                             \
		if (!(what))             \
			return __LINE__; \
	} while (0)

static bool is_mine(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid == getuid() && st.st_gid == getgid();
}

static int owners(void)
{
	int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && symlink("file", "link") == 0);
	CHECK(chown("file", 77, 88) == 0);
	CHECK(lchown("link", 77, 88) == 0);
	CHECK(fchown(fd, 77, 88) == 0);
	CHECK(fchownat(AT_FDCWD, "file", 77, 88, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(is_mine("file") && is_mine("link"));
	CHECK(chmod("file", 0640) == 0);
	return 0;
}

static int ids(void)
{
	const gid_t groups[] = { 77, 88 };
	uid_t uid = getuid();
	gid_t gid = getgid();
	int count = getgroups(0, NULL);

	CHECK(setuid(77) == 0 && seteuid(77) == 0 && setreuid(77, 77) == 0);
	CHECK(setresuid(77, 77, 77) == 0);
	CHECK(setgid(77) == 0 && setegid(77) == 0 && setregid(77, 77) == 0);
	CHECK(setresgid(77, 77, 77) == 0);
	CHECK(setgroups(2, groups) == 0);
	(void)setfsuid(77);
	(void)setfsgid(77);
	CHECK(getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid);
	CHECK(getgroups(0, NULL) == count);
	return 0;
}

static int nodes(void)
{
	struct stat st;

	CHECK(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(mknodat(AT_FDCWD, "disk", S_IFBLK | 0600, makedev(8, 0)) == 0);
	CHECK(lstat("null", &st) < 0 && errno == ENOENT);
	CHECK(lstat("disk", &st) < 0 && errno == ENOENT);
	CHECK(mkfifo("fifo", 0600) == 0 && lstat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK(mknod("plain", S_IFREG | 0600, 0) == 0 && is_mine("plain"));
	CHECK(mknod("socket", S_IFSOCK | 0600, 0) == 0 && is_mine("socket"));
	return 0;
}

static void owners_stay(void **state)
{
	(void)state;
	assert_int_equal(in_child(owners), 0);
}

static void ids_stay(void **state)
{
	(void)state;
	assert_int_equal(in_child(ids), 0);
}

static void devices_are_pretended(void **state)
{
	(void)state;
	assert_int_equal(in_child(nodes), 0);
}

static void mount_apt(void)
{
	struct root root = { .fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), .dev = -1 };
	struct error err = ERROR_INIT;

	assert_int_equal(fakeroot_mount(&root, &err), 0);
	close(root.fd);
}

static void apt_stays_root(void **state)
{
	(void)state;
	assert_int_equal(chdir(dir), 0);
	mount_apt();
	assert_null(put_path);
	assert_int_equal(mkdir("etc", 0755), 0);
	assert_int_equal(symlink("/nowhere", "etc/apt"), 0);
	mount_apt();
	assert_null(put_path);
	assert_int_equal(unlink("etc/apt"), 0);
	assert_int_equal(mkdir("etc/apt", 0755), 0);
	assert_int_equal(mkdir("etc/apt/apt.conf.d", 0755), 0);
	mount_apt();
	assert_string_equal(put_path, "/etc/apt/apt.conf.d/99davit");
	assert_string_equal(put_text, "APT::Sandbox::User \"root\";\n");
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "file",    "link",   "fifo",
					     "plain",   "socket", "etc/apt/apt.conf.d",
					     "etc/apt", "etc" };

	(void)state;
	free(put_path);
	free(put_text);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		(void)remove(names[i]);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_stay),
		cmocka_unit_test(ids_stay),
		cmocka_unit_test(devices_are_pretended),
		cmocka_unit_test(apt_stays_root),
	};

	return cmocka_run_group_tests_name("fakeroot", tests, make_dir, remove_dir);
}
