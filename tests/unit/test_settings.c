/* SPDX-License-Identifier: BSD-3-Clause */
/* test_settings.c - the table of options and the check of each value. */
#include "common/settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static void table_is_sound(void **state)
{
	size_t count = 0;

	(void)state;
	assert_string_equal(settings_options[0].name, "image");
	for (const struct option_def *def = settings_options; def->name; def++, count++) {
		size_t help = strlen(def->help);

		assert_non_null(def->set);
		assert_true(help > 0 && help < 100);
		assert_true(def->help[help - 1] != '.');
		assert_null(strchr(def->help, '\n'));
		assert_true(def->arg[0] != '\0');
		assert_true(strlen(def->name) < 40);
		for (const char *c = def->name; *c; c++)
			assert_true(islower((unsigned char)*c) || *c == '-');
		assert_ptr_equal(settings_find(def->name), def); /* no name twice */
	}
	assert_true(count >= 3);
	assert_true(count <= 32); /* OPTIONS_MAX of the plugin */
}

static void finds_whole_names_only(void **state)
{
	(void)state;
	assert_null(settings_find(""));
	assert_null(settings_find("imag"));
	assert_null(settings_find("images"));
	assert_null(settings_find("Image"));
	assert_null(settings_find("container-image"));
	assert_non_null(settings_find("workdir"));
	assert_non_null(settings_find("mounts"));
}

static void sets_each(void **state)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(settings_set(&settings, "image", "./a b.sqfs", &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", "/w/../x", &err), 0);
	assert_int_equal(settings_set(&settings, "mounts", "/a,/b:/c:ro", &err), 0);
	assert_string_equal(settings.image, "./a b.sqfs");
	assert_string_equal(settings.workdir, "/w/../x");
	assert_int_equal(settings.mounts.count, 2);
	assert_cause(&err, "");
	settings_done(&settings);
	assert_null(settings.image);
	assert_null(settings.workdir);
	assert_int_equal(settings.mounts.count, 0);
	settings_done(&settings); /* twice is once */
}

static void later_value_wins(void **state)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(settings_set(&settings, "image", "a", &err), 0);
	assert_int_equal(settings_set(&settings, "image", "b", &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", "/a", &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", "/b", &err), 0);
	assert_int_equal(settings_set(&settings, "mounts", "/a,/b", &err), 0);
	assert_int_equal(settings_set(&settings, "mounts", "/c", &err), 0);
	assert_string_equal(settings.image, "b");
	assert_string_equal(settings.workdir, "/b");
	assert_int_equal(settings.mounts.count, 1);
	assert_string_equal(settings.mounts.items[0].source, "/c");
	settings_done(&settings);
}

/* Refused with this cause and remedy, and the settings stay as they were. */
static void assert_refused(const char *name, const char *value, const char *cause,
			   const char *remedy)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	assert_int_equal(settings_set(&settings, "image", "old", &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", "/old", &err), 0);
	assert_int_equal(settings_set(&settings, "mounts", "/old", &err), 0);
	assert_int_equal(settings_set(&settings, name, value, &err), -1);
	assert_contains(err.cause, cause);
	if (remedy)
		assert_contains(err.remedy, remedy);
	else
		assert_remedy(&err, "");
	assert_int_equal(err.code, EXIT_SETUP);
	assert_string_equal(settings.image, "old");
	assert_string_equal(settings.workdir, "/old");
	assert_int_equal(settings.mounts.count, 1);
	assert_string_equal(settings.mounts.items[0].source, "/old");
	settings_done(&settings);
}

static void refusals(void **state)
{
	(void)state;
	assert_refused("image", "", "empty image path", "the path of a squashfs image");
	assert_refused("workdir", "", "'' is not an absolute path",
		       "a directory inside the container");
	assert_refused("workdir", "w", "'w' is not an absolute path",
		       "a directory inside the container");
	assert_refused("workdir", "./w", "'./w' is not an absolute path", "directory");
	assert_refused("workdir", "~/w", "'~/w' is not an absolute path", "directory");
	assert_refused("workdir", "w\nx", "'w?x' is not", "directory");
	assert_refused("mounts", "", "empty list of mounts", NULL);
	assert_refused("mounts", "/a,/b,c", "mount 'c': mount source 'c' is not a path", "./c");
	assert_refused("nonsense", "x", "no option is called 'nonsense'", NULL);
	assert_refused("", "x", "no option is called ''", NULL);
}

static void long_paths(void **state)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;
	char path[PATH_MAX + 1];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[PATH_MAX] = '\0';
	assert_refused("image", path, "image path of 4096 bytes: File name too long", NULL);
	assert_refused("workdir", path, "path of 4096 bytes: File name too long", NULL);
	path[PATH_MAX - 1] = '\0'; /* the longest that the kernel takes */
	assert_int_equal(settings_set(&settings, "image", path, &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", path, &err), 0);
	settings_done(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound), cmocka_unit_test(finds_whole_names_only),
		cmocka_unit_test(sets_each),      cmocka_unit_test(later_value_wins),
		cmocka_unit_test(refusals),       cmocka_unit_test(long_paths),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
