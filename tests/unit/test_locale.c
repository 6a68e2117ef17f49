/* SPDX-License-Identifier: BSD-3-Clause */
/* test_locale.c - which locales an image has: directories, archives, musl, and what lies. */
#include "launcher/env/locale.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char image[] = "/tmp/davit-locale.XXXXXX";
static int root = -1;

static void run(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "cd %s && %s", image, command);
	assert_int_equal(system(line), 0);
}

static int make_image(void **state)
{
	(void)state;
	snprintf(image, sizeof(image), "/tmp/davit-locale.XXXXXX");
	assert_non_null(mkdtemp(image));
	root = open(image, O_PATH | O_DIRECTORY | O_CLOEXEC);
	run("mkdir -p usr/lib/locale lib");
	return 0;
}

static int remove_image(void **state)
{
	(void)state;
	close(root);
	run("rm -rf usr lib && cd / && rmdir \"$OLDPWD\"");
	return 0;
}

/* As localedef(1) begins one; `used` bytes of `names` at `offset`. */
static void write_archive(uint32_t magic, uint32_t offset, uint32_t used, const char *names,
			  size_t len)
{
	const uint32_t head[] = { magic, 7, 56, 3, 100, offset, used, 5000 };
	int fd = openat(root, "usr/lib/locale/locale-archive",
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
	assert_int_equal(pwrite(fd, names, len, 100), len);
	close(fd);
}

static void need_nothing(void **state)
{
	(void)state;
	assert_true(locale_exists(root, "C"));
	assert_true(locale_exists(root, "POSIX"));
	assert_true(locale_exists(root, "C.UTF-8"));
	assert_true(locale_exists(root, "C.utf8"));
	assert_false(locale_exists(root, "en_US.UTF-8"));
	assert_false(locale_exists(root, "C.ISO-8859-1"));
}

static void directories(void **state)
{
	(void)state;
	run("cd usr/lib/locale && mkdir en_US.utf8 de_DE.iso88591 de_DE.utf8@euro nb_NO && : >fr_FR.utf8");
	assert_true(locale_exists(root, "en_US.UTF-8"));
	assert_true(locale_exists(root, "en_US.utf8"));
	assert_true(locale_exists(root, "en_US.Utf_8"));
	assert_true(locale_exists(root, "de_DE.ISO-8859-1"));
	assert_true(locale_exists(root, "de_DE.8859-1")); /* digits alone are ISO's, to glibc */
	assert_true(locale_exists(root, "de_DE.UTF-8@euro"));
	assert_true(locale_exists(root, "nb_NO"));
	assert_false(locale_exists(root, "en_GB.UTF-8"));
	assert_false(locale_exists(root, "en_US"));
	assert_false(locale_exists(root, "en"));
	assert_false(locale_exists(root, "de_DE.UTF-8"));
	assert_false(locale_exists(root, "fr_FR.UTF-8"));
}

static void archive(void **state)
{
	static const char names[] = "en_US.utf8\0de_DE.iso88591\0de_DE@euro";

	(void)state;
	write_archive(0xde020109u, 100, sizeof(names), names, sizeof(names));
	assert_true(locale_exists(root, "en_US.UTF-8"));
	assert_true(locale_exists(root, "de_DE.ISO-8859-1"));
	assert_true(locale_exists(root, "de_DE@euro"));
	assert_false(locale_exists(root, "en_US.utf"));
	assert_false(locale_exists(root, "US.UTF-8"));
}

static void bad_archives(void **state)
{
	static const char names[] = "en_US.utf8";

	(void)state;
	write_archive(0xde020109u, 100, 10, names, 10); /* the file ends without a NUL */
	assert_true(locale_exists(root, "en_US.UTF-8"));
	write_archive(0x12345678u, 100, sizeof(names), names, sizeof(names));
	assert_false(locale_exists(root, "en_US.UTF-8"));
	write_archive(0xde020109u, 100, 6, names, sizeof(names)); /* names end before */
	assert_false(locale_exists(root, "en_US.UTF-8"));
	write_archive(0xde020109u, 0xffffffffu, 4096, names, sizeof(names));
	assert_false(locale_exists(root, "en_US.UTF-8"));
	write_archive(0xde020109u, 100, 0xffffffffu, names, sizeof(names));
	assert_false(locale_exists(root, "en_US.UTF-8"));
	run("echo >usr/lib/locale/locale-archive");
	assert_false(locale_exists(root, "en_US.UTF-8"));
	run("cd usr/lib/locale && rm locale-archive && mkfifo locale-archive");
	assert_false(locale_exists(root, "en_US.UTF-8"));
	run("cd usr/lib/locale && rm locale-archive && ln -s locale-archive locale-archive");
	assert_false(locale_exists(root, "en_US.UTF-8"));
}

static void bad_names(void **state)
{
	char name[1000];

	(void)state;
	run("mkdir -p usr/lib/other usr/lib/locale/a/b");
	assert_false(locale_exists(root, "../other"));
	assert_false(locale_exists(root, ".."));
	assert_false(locale_exists(root, "."));
	assert_false(locale_exists(root, "a/b"));
	assert_false(locale_exists(root, "/"));
	assert_false(locale_exists(root, "x."));
	assert_false(locale_exists(root, "\n%s@."));
	for (size_t len = 240; len < sizeof(name); len++) {
		memset(name, '1', len);
		name[1] = '.';
		name[len] = '\0';
		assert_false(locale_exists(root, name));
	}
}

static void musl_takes_any(void **state)
{
	(void)state;
	run(": >lib/ld-musl-x86_64.so.1");
	assert_true(locale_exists(root, "en_US.UTF-8"));
	assert_true(locale_exists(root, "xx_YY"));
}

static void no_such_directories(void **state)
{
	(void)state;
	run("rm -r usr lib");
	assert_false(locale_exists(root, "en_US.UTF-8"));
	assert_true(locale_exists(root, "C"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_image, remove_image)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(need_nothing),        TEST(directories), TEST(archive),
		TEST(bad_archives),        TEST(bad_names),   TEST(musl_takes_any),
		TEST(no_such_directories),
	};

	return cmocka_run_group_tests_name("locale", tests, NULL, NULL);
}
