/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_identity.c - the container's /etc/passwd and /etc/group.
 *
 * The image is a directory made here; the name service is a stub, so the user is whoever runs the
 * test and is called "Ada". root_put_file keeps what would be mounted.
 */
#include "launcher/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/davit-identity.XXXXXX";
static struct passwd user;
static struct group group;
static bool has_user, has_group, in_place;
static char *passwd_text, *group_text, *nsswitch_text;
static const char *mounted[8];
static size_t mounted_count;

struct passwd *getpwuid(uid_t uid)
{
	user.pw_uid = uid;
	return has_user ? &user : NULL;
}

struct group *getgrgid(gid_t gid)
{
	group.gr_gid = gid;
	return has_group ? &group : NULL;
}

int root_put_file(struct root *root, const char *path, const char *text, struct error *err)
{
	char **slot = strcmp(path, "/etc/passwd") == 0  ? &passwd_text
		      : strcmp(path, "/etc/group") == 0 ? &group_text
							: &nsswitch_text;

	(void)root;
	(void)err;
	free(*slot);
	*slot = strdup(text);
	return 0;
}

int root_bind(struct root *root, const char *source, const char *target, bool optional,
	      struct error *err)
{
	(void)root;
	(void)err;
	assert_true(mounted_count < COUNT_OF(mounted));
	assert_true(optional);
	assert_string_equal(source, target);
	mounted[mounted_count++] = target;
	return 0;
}

static void write_image(const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/etc/%s", dir, name);
	unlink(path);
	if (!text)
		return;
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int start(void **state)
{
	(void)state;
	user = (struct passwd){ .pw_name = (char *)(uintptr_t) "ada",
				.pw_gid = getegid(),
				.pw_gecos = (char *)(uintptr_t) "Ada L.",
				.pw_dir = (char *)(uintptr_t) "/home/ada",
				.pw_shell = (char *)(uintptr_t) "/bin/zsh" };
	group = (struct group){ .gr_name = (char *)(uintptr_t) "poets" };
	has_user = has_group = true;
	in_place = false;
	unsetenv("HOME");
	mounted_count = 0;
	write_image("passwd", NULL);
	write_image("group", NULL);
	write_image("nsswitch.conf", NULL);
	free(passwd_text);
	free(group_text);
	free(nsswitch_text);
	passwd_text = group_text = nsswitch_text = NULL;
	return 0;
}

static void mount_all(void)
{
	struct root root = { .fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), .dev = -1 };
	struct error err = ERROR_INIT;

	assert_true(root.fd >= 0);
	assert_int_equal(identity_mount(&root, in_place, &err), 0);
	close(root.fd);
}

/* Expects the text, in which %u stand for our uid (or gid) and gid. */
static void assert_text(const char *got, const char *want, unsigned int one, unsigned int two)
{
	char text[4096];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), want, one, two);
#pragma GCC diagnostic pop
	assert_string_equal(got, text);
}

static void image_without_files(void **state)
{
	(void)state;
	mount_all();
	assert_text(passwd_text, "ada:x:%u:%u:Ada L.:/home/ada:/bin/zsh\n", geteuid(), getegid());
	assert_text(group_text, "poets:x:%u:\n", getegid(), 0);
	assert_contains(nsswitch_text, "hosts: files dns\n");
	assert_int_equal(mounted_count, 2);
	assert_string_equal(mounted[0], "/etc/hosts");
	assert_string_equal(mounted[1], "/etc/resolv.conf");
}

static void image_keeps_its_own(void **state)
{
	(void)state;
	write_image("passwd", "first:x:4000000001:0:::\nsecond:x:4000000002:0:::"); /* no newline */
	write_image("group", "wheel:x:4000000001:a,b\n");
	write_image("nsswitch.conf", "passwd: files\n");
	mount_all();
	assert_text(
		passwd_text,
		"first:x:4000000001:0:::\nsecond:x:4000000002:0:::\nada:x:%u:%u:Ada L.:/home/ada:/bin/zsh\n",
		geteuid(), getegid());
	assert_text(group_text, "wheel:x:4000000001:a,b\npoets:x:%u:\n", getegid(), 0);
	assert_null(nsswitch_text);
}

static void known_ids_are_not_added(void **state)
{
	char text[128];

	(void)state;
	snprintf(text, sizeof(text), "a:x:4000000001:0:::\nimage:x:%u:0::/root:/bin/sh\n",
		 geteuid());
	write_image("passwd", text);
	mount_all();
	assert_null(passwd_text); /* the image's is seen */
	assert_int_equal(start(NULL), 0);

	snprintf(text, sizeof(text), "image::%u:0::/root:/bin/sh\n", geteuid()); /* no password */
	write_image("passwd", text);
	snprintf(text, sizeof(text), "g::%u:\n", getegid());
	write_image("group", text);
	mount_all();
	assert_null(passwd_text);
	assert_null(group_text);
}

/* The container's own files grow, and nothing is mounted on them. */
static void written_in_place(void **state)
{
	char path[128];
	char *text;
	int fd;

	(void)state;
	in_place = true;
	write_image("passwd", "first:x:4000000001:0:::"); /* no newline */
	mount_all();
	assert_null(passwd_text);
	snprintf(path, sizeof(path), "%s/etc/passwd", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	text = fd_read_all(fd, 4096, NULL);
	close(fd);
	assert_text(text, "first:x:4000000001:0:::\nada:x:%u:%u:Ada L.:/home/ada:/bin/zsh\n",
		    geteuid(), getegid());
	free(text);
	/* There is no file to write to. */
	assert_text(group_text, "poets:x:%u:\n", getegid(), 0);
	mount_all();
	assert_null(passwd_text);
}

static void numbers_elsewhere_do_not_count(void **state)
{
	char text[256];

	(void)state;
	/* as password, group, gecos, in a longer number, in a line that is none */
	snprintf(text, sizeof(text), "a:%u:4000000001:%u:%u::\nb:x:%u4000000:0:::\n%u\n\n:x:%u:\n",
		 geteuid(), geteuid(), geteuid(), geteuid() + 1, geteuid(), geteuid());
	write_image("passwd", text);
	mount_all();
	assert_contains(passwd_text, "ada:x:");
}

static void unknown_user(void **state)
{
	(void)state;
	has_user = has_group = false;
	mount_all();
	assert_contains(passwd_text, "user");
	assert_text(passwd_text, "user%1$u:x:%1$u:%2$u::/:/bin/sh\n", geteuid(), getegid());
	assert_text(group_text, "group%1$u:x:%1$u:\n", getegid(), 0);
}

static void home_of_the_job_wins(void **state)
{
	(void)state;
	setenv("HOME", "/scratch/ada", 1);
	mount_all();
	assert_contains(passwd_text, ":/scratch/ada:/bin/zsh\n");
	has_user = false;
	mount_all();
	assert_contains(passwd_text, "::/scratch/ada:/bin/sh\n");
}

/* Neither a name service nor $HOME may add a field or a line. */
static void separators_are_refused(void **state)
{
	(void)state;
	setenv("HOME", "/h\nroot:x:0:0::/:/bin/sh", 1);
	user.pw_gecos = (char *)(uintptr_t) "a:b";
	user.pw_name = (char *)(uintptr_t) "ada\nb";
	user.pw_shell = NULL;
	user.pw_dir = (char *)(uintptr_t) "/h:";
	group.gr_name = (char *)(uintptr_t) "";
	mount_all();
	assert_text(passwd_text, "user:x:%u:%u::/:/bin/sh\n", geteuid(), getegid());
	assert_text(group_text, "group:x:%u:\n", getegid(), 0);
}

static void absurd_files_count_as_empty(void **state)
{
	char path[128];
	FILE *out;

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/passwd", dir); /* larger than any */
	out = fopen(path, "w");
	assert_non_null(out);
	for (int i = 0; i < (1 << 16) + 1; i++)
		fputs("x:x:4000000001::", out);
	assert_int_equal(fclose(out), 0);
	snprintf(path, sizeof(path), "%s/etc/group", dir); /* a pipe: opening it must not wait */
	assert_int_equal(mkfifo(path, 0644), 0);
	alarm(60);
	mount_all();
	alarm(0);
	assert_memory_equal(passwd_text, "ada:", 4);
	assert_memory_equal(group_text, "poets:", 6);
}

/* A link of the image to /etc/passwd of the node leads to the image's own. */
static void links_stay_inside(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/passwd", dir);
	assert_int_equal(symlink("../../../../../../etc/other", path), 0);
	write_image("other", "inside:x:4000000001:0:::\n");
	mount_all();
	assert_memory_equal(passwd_text, "inside:x:", 9);
	write_image("other", NULL);
	mount_all();
	assert_memory_equal(passwd_text, "ada:", 4);
}

static int make_image(void **state)
{
	char path[128];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/etc", dir);
	return mkdir(path, 0755);
}

static int remove_image(void **state)
{
	char path[128];

	start(state);
	snprintf(path, sizeof(path), "%s/etc", dir);
	return rmdir(path) < 0 || rmdir(dir) < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(image_without_files, start),
		cmocka_unit_test_setup(image_keeps_its_own, start),
		cmocka_unit_test_setup(known_ids_are_not_added, start),
		cmocka_unit_test_setup(written_in_place, start),
		cmocka_unit_test_setup(numbers_elsewhere_do_not_count, start),
		cmocka_unit_test_setup(unknown_user, start),
		cmocka_unit_test_setup(home_of_the_job_wins, start),
		cmocka_unit_test_setup(separators_are_refused, start),
		cmocka_unit_test_setup(absurd_files_count_as_empty, start),
		cmocka_unit_test_setup(links_stay_inside, start),
	};

	return cmocka_run_group_tests_name("identity", tests, make_image, remove_image);
}
