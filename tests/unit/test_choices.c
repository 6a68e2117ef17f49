/* SPDX-License-Identifier: BSD-3-Clause */
/* test_choices.c - layers of values: options, opposites, the environment, the command line. */
#include "launcher/conf/choices.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

static size_t index_of(const char *name)
{
	return (size_t)(settings_find(name) - settings_options);
}

static void assert_choice(const struct choices *choices, const char *name, const char *value,
			  const char *origin)
{
	const struct choice_item *item = &choices->items[index_of(name)];

	if (!value) {
		assert_null(item->value);
		return;
	}
	assert_non_null(item->value);
	assert_string_equal(item->value, value);
	assert_string_equal(item->origin, origin);
}

static void holds_all_options(void **state)
{
	size_t count = 0;

	(void)state;
	while (settings_options[count].name)
		count++;
	assert_true(count <= CHOICES_MAX);
}

static void sets_and_replaces(void **state)
{
	struct choices choices = { .items = { { NULL, NULL } } };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(choices_set(&choices, "workdir", "/a", "one", &err), 0);
	assert_int_equal(choices_set(&choices, "workdir", "/b", "two", &err), 0);
	assert_choice(&choices, "workdir", "/b", "two");
	assert_string_equal(choices_value(&choices, "workdir"), "/b");
	assert_null(choices_value(&choices, "mounts"));
	assert_int_equal(choices_set(&choices, "workdir", "c", "three", &err), -1);
	assert_cause(&err, "'c' is not an absolute path");
	assert_choice(&choices, "workdir", "/b", "two");
	assert_int_equal(choices_set(&choices, "workdirs", "/c", "four", &err), -1);
	assert_cause(&err, "no option is called 'workdirs'");
	choices_done(&choices);
	assert_choice(&choices, "workdir", NULL, NULL);
}

static void opposites(void **state)
{
	static const struct {
		const char *name, *value, *option, *expected;
	} cases[] = {
		{ "mount-home", NULL, "mount-home", "yes" },
		{ "no-mount-home", NULL, "mount-home", "no" },
		{ "no-mount-home", "1", "mount-home", "no" },
		{ "no-mount-home", "0", "mount-home", "yes" },
		{ "readonly", NULL, "writable", "no" },
		{ "readonly", "true", "writable", "no" },
		{ "readonly", "No", "writable", "yes" },
		{ "writable", NULL, "writable", "yes" },
		{ "writable", "size=1g", "writable", "size=1g" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct choices choices = { .items = { { NULL, NULL } } };
		struct error err = ERROR_INIT;

		assert_int_equal(choices_set(&choices, cases[i].name, cases[i].value, "x", &err),
				 0);
		assert_choice(&choices, cases[i].option, cases[i].expected, "x");
		choices_done(&choices);
	}
}

static void an_opposite_takes_a_switch_only(void **state)
{
	struct choices choices = { .items = { { NULL, NULL } } };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(choices_set(&choices, "readonly", "/dir", "x", &err), -1);
	assert_cause(&err, "'/dir' is neither yes nor no");
	assert_choice(&choices, "writable", NULL, NULL);
}

static void clear(void)
{
	static const char *const names[] = {
		"DAVIT_CONTAINER_WORKDIR",    "PYXIS_CONTAINER_WORKDIR",
		"DAVIT_CONTAINER_WRITABLE",   "PYXIS_CONTAINER_WRITABLE",
		"DAVIT_CONTAINER_READONLY",   "PYXIS_CONTAINER_READONLY",
		"PYXIS_CONTAINER_REMAP_ROOT", "PYXIS_CONTAINER_IMAGE"
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
}

static void environment(void **state)
{
	struct choices choices = { .items = { { NULL, NULL } } };
	struct error err = ERROR_INIT;

	(void)state;
	clear();
	setenv("DAVIT_CONTAINER_WORKDIR", "/davit", 1);
	setenv("PYXIS_CONTAINER_WORKDIR", "/pyxis", 1);
	setenv("DAVIT_CONTAINER_WRITABLE", "", 1); /* is not set */
	setenv("PYXIS_CONTAINER_READONLY", "0", 1);
	setenv("PYXIS_CONTAINER_REMAP_ROOT", "1", 1);
	setenv("PYXIS_CONTAINER_IMAGE", "a.sqfs", 1);
	assert_int_equal(choices_from_env(&choices, &err), 0);
	assert_choice(&choices, "workdir", "/davit", "$DAVIT_CONTAINER_WORKDIR");
	assert_choice(&choices, "writable", "yes", "$PYXIS_CONTAINER_READONLY");
	assert_choice(&choices, "remap-root", "1", "$PYXIS_CONTAINER_REMAP_ROOT");
	assert_choice(&choices, "image", "a.sqfs", "$PYXIS_CONTAINER_IMAGE");
	assert_choice(&choices, "mounts", NULL, NULL);
	choices_done(&choices);

	setenv("DAVIT_CONTAINER_WRITABLE", "/dir", 1);
	assert_int_equal(choices_from_env(&choices, &err), 0);
	assert_choice(&choices, "writable", "/dir", "$DAVIT_CONTAINER_WRITABLE");
	choices_done(&choices);

	setenv("DAVIT_CONTAINER_WORKDIR", "davit", 1);
	assert_int_equal(choices_from_env(&choices, &err), -1);
	assert_cause(&err, "$DAVIT_CONTAINER_WORKDIR: 'davit' is not an absolute path");
	choices_done(&choices);
	clear();
}

/* The words of a command line; argv[0] is the command. */
static int take(struct choices *choices, const char *const *words, struct error *err)
{
	char *argv[8] = { NULL };
	int argc = 0;

	while (words[argc]) {
		argv[argc] = (char *)(uintptr_t)words[argc];
		argc++;
	}
	return choices_from_args(choices, argc, argv, err);
}

static void command_lines(void **state)
{
	static const struct {
		const char *words[8];
		int result;
		const char *option, *value, *origin;
	} cases[] = {
		{ { "run", "--workdir=/a", "x", "--workdir=/b" }, 2, "workdir", "/a", "--workdir" },
		{ { "run", "--workdir", "/a", "--", "x" }, 4, "workdir", "/a", "--workdir" },
		{ { "run", "--container-workdir=/a" }, 2, "workdir", "/a", "--workdir" },
		{ { "run", "--no-mount-home" }, 2, "mount-home", "no", "--no-mount-home" },
		{ { "run", "--no-container-mount-home" },
		  2,
		  "mount-home",
		  "no",
		  "--no-mount-home" },
		{ { "run", "--container-readonly" }, 2, "writable", "no", "--readonly" },
		{ { "run", "--writable", "/a" }, 2, "writable", "yes", "--writable" },
		{ { "run", "--writable=/a" }, 2, "writable", "/a", "--writable" },
		{ { "run", "--container=a.sqfs" }, 2, "image", "a.sqfs", "--image" },
		{ { "run", "--container-image=a.sqfs" }, 2, "image", "a.sqfs", "--image" },
		{ { "run", "--help" }, 0, "image", NULL, NULL },
		{ { "run", "-h", "x" }, 0, "image", NULL, NULL },
		{ { "run" }, 1, "image", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct choices choices = { .items = { { NULL, NULL } } };
		struct error err = ERROR_INIT;

		assert_int_equal(take(&choices, cases[i].words, &err), cases[i].result);
		assert_choice(&choices, cases[i].option, cases[i].value, cases[i].origin);
		choices_done(&choices);
	}
}

static void bad_command_lines(void **state)
{
	static const struct {
		const char *words[8];
		const char *cause, *remedy;
	} cases[] = {
		{ { "run", "--flot" }, "unknown option '--flot'", "davit run --help" },
		{ { "config", "--wrkdir=/a" },
		  "unknown option '--wrkdir=/a'",
		  "--workdir; davit config --help" },
		{ { "run", "-x" }, "unknown option '-x'", "davit run --help" },
		{ { "run", "--workdir" }, "option '--workdir' needs a value", "davit run --help" },
		{ { "run", "--mount-home=no" },
		  "option '--mount-home' takes no value",
		  "davit run --help" },
		{ { "run", "--workdir=a" },
		  "--workdir: 'a' is not an absolute path",
		  "the path of a directory inside the container" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct choices choices = { .items = { { NULL, NULL } } };
		struct error err = ERROR_INIT;

		assert_int_equal(take(&choices, cases[i].words, &err), -1);
		assert_cause(&err, cases[i].cause);
		assert_remedy(&err, cases[i].remedy);
		choices_done(&choices);
	}
}

static void layers_add_up(void **state)
{
	struct choices lower = { .items = { { NULL, NULL } } }, upper = lower;
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(choices_set(&lower, "workdir", "/low", "low", &err), 0);
	assert_int_equal(choices_set(&lower, "slurm", "yes", "low", &err), 0);
	assert_int_equal(choices_set(&upper, "workdir", "/up", "up", &err), 0);
	assert_int_equal(choices_apply(&lower, &settings, &err), 0);
	assert_int_equal(choices_apply(&upper, &settings, &err), 0);
	assert_string_equal(settings.workdir, "/up");
	assert_int_equal(settings.slurm, CHOICE_YES);
	assert_null(settings.image);
	settings_done(&settings);
	choices_done(&lower);
	choices_done(&upper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_all_options),
		cmocka_unit_test(sets_and_replaces),
		cmocka_unit_test(opposites),
		cmocka_unit_test(an_opposite_takes_a_switch_only),
		cmocka_unit_test(environment),
		cmocka_unit_test(command_lines),
		cmocka_unit_test(bad_command_lines),
		cmocka_unit_test(layers_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
