/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_options.c - the plugin's options, and what srun makes of them together with $SLURM_CONTAINER.
 *
 * Slurm is played by stubs: spank_option_register keeps what is registered, and the tests call the
 * callbacks as plugstack.c does. The sources are included, so that each test can start afresh: they
 * keep what was given for the life of the process.
 */
#include "plugin/local.c"
#include "plugin/options.c"

#include <sys/wait.h>

#include "tests/unit/spank.h"

static struct registered {
	char name[64], arginfo[128], usage[256];
	int has_arg, val;
	spank_opt_cb_f cb;
} registered[64];
static size_t registered_count;
static spank_err_t register_result = ESPANK_SUCCESS;
static struct error reported;
static int reports;

spank_err_t spank_option_register(spank_t spank, struct spank_option *option)
{
	struct registered *slot = &registered[registered_count];

	(void)spank;
	if (register_result != ESPANK_SUCCESS)
		return register_result;
	assert_true(registered_count < COUNT_OF(registered));
	registered_count++;
	/* plugstack.c copies all of it, too */
	snprintf(slot->name, sizeof(slot->name), "%s", option->name);
	snprintf(slot->arginfo, sizeof(slot->arginfo), "%s",
		 option->arginfo ? option->arginfo : "");
	snprintf(slot->usage, sizeof(slot->usage), "%s", option->usage);
	slot->has_arg = option->has_arg;
	slot->val = option->val;
	slot->cb = option->cb;
	return ESPANK_SUCCESS;
}

void report(const struct error *err)
{
	reported = *err;
	reports++;
}

static int give(const char *name, const char *value)
{
	for (size_t i = 0; i < registered_count; i++)
		if (strcmp(registered[i].name, name) == 0)
			return registered[i].cb(registered[i].val, value, 0);
	fail_msg("no option --%s", name);
	return -1;
}

/* Set by tests. */
static const char *const variables[] = {
	"DAVIT_CONTAINER_IMAGE",    "PYXIS_CONTAINER_IMAGE",    "DAVIT_CONTAINER_NAME",
	"PYXIS_CONTAINER_NAME",     "PYXIS_CONTAINER_WRITABLE", "DAVIT_CONTAINER_READONLY",
	"PYXIS_CONTAINER_READONLY", "PYXIS_CONTAINER_WORKDIR",  "PYXIS_CONTAINER_MOUNT_HOME",
};

#define INHERITED_OPTION "_SLURM_SPANK_OPTION_davit_container_image"

static int start(void **state)
{
	(void)state;
	options_forget();
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		unsetenv(variables[i]);
	free(inherited_image);
	inherited_image = NULL;
	memset(&progress, 0, sizeof(progress));
	free(first_container);
	first_container = NULL;
	free(first_options);
	first_options = NULL;
	unsetenv("SLURM_CONTAINER");
	unsetenv(INHERITED_OPTION);
	unsetenv("SLURM_SPANK_" INHERITED_OPTION);
	registered_count = 0;
	register_result = ESPANK_SUCCESS;
	reports = 0;
	reported = (struct error)ERROR_INIT;
	return options_register(NULL) == ESPANK_SUCCESS ? 0 : -1;
}

static const struct registered *find_registered(const char *name)
{
	for (size_t i = 0; i < registered_count; i++)
		if (strcmp(registered[i].name, name) == 0)
			return &registered[i];
	fail_msg("no option --%s", name);
	return NULL;
}

static void registers_the_table(void **state)
{
	static const int has_arg[] = { [ARG_REQUIRED] = 1, [ARG_OPTIONAL] = 2, [ARG_NONE] = 0 };
	size_t count = 0;

	(void)state;
	for (size_t i = 0; settings_options[i].name; i++) {
		const struct option_def *def = &settings_options[i];
		const struct registered *option;
		char name[64];

		settings_srun_name(def->name, name, sizeof(name));
		option = find_registered(name);
		assert_string_equal(option->arginfo, def->arg ? def->arg : "");
		assert_string_equal(option->usage, def->help);
		assert_int_equal(option->has_arg, has_arg[def->has_arg]);
		count++;
		if (!def->opposite)
			continue;
		settings_srun_name(def->opposite, name, sizeof(name));
		assert_int_equal(find_registered(name)->has_arg, 0);
		count++;
	}
	assert_int_equal(registered_count, count);
}

static void names_of_opposites(void **state)
{
	(void)state;
	find_registered("no-container-mount-home");
	find_registered("no-container-entrypoint");
	find_registered("container-readonly");
}

static void register_failure_is_passed_on(void **state)
{
	(void)state;
	register_result = ESPANK_BAD_ARG;
	assert_int_equal(options_register(NULL), ESPANK_BAD_ARG);
}

static void keeps_good_values(void **state)
{
	char other[64];

	(void)state;
	assert_null(options_value("image"));
	assert_false(options_any_other(other, sizeof(other)));
	assert_int_equal(give("container-image", "a.sqfs"), 0);
	assert_string_equal(options_value("image"), "a.sqfs");
	assert_false(options_any_other(other, sizeof(other)));
	assert_int_equal(give("container-workdir", "/w"), 0);
	assert_true(options_any_other(other, sizeof(other)));
	assert_string_equal(other, "container-workdir");
	assert_int_equal(give("container-mounts", "/a,/b"), 0);
	assert_string_equal(options_value("mounts"), "/a,/b");
	assert_int_equal(give("container-image", "b.sqfs"), 0); /* the later one */
	assert_string_equal(options_value("image"), "b.sqfs");
	assert_int_equal(reports, 0);
}

static void refuses_bad_values(void **state)
{
	(void)state;
	assert_int_equal(give("container-workdir", "/ok"), 0);
	assert_int_equal(give("container-workdir", "bad"), -1);
	assert_int_equal(reports, 1);
	assert_cause(&reported, "--container-workdir: 'bad' is not an absolute path");
	assert_contains(reported.remedy, "inside the container");
	assert_string_equal(options_value("workdir"), "/ok"); /* as it was */

	assert_int_equal(give("container-mounts", "/a:/b:wo"), -1);
	assert_int_equal(reports, 2);
	assert_cause(&reported, "--container-mounts: mount '/a:/b:wo': unknown mount flag 'wo'");
	assert_null(options_value("mounts"));

	assert_int_equal(give("container-image", ""), -1);
	assert_cause(&reported, "--container-image: empty image path");
	assert_int_equal(give("container-image", NULL), -1); /* Slurm may give none */
	assert_int_equal(reports, 4);
	assert_null(options_value("image"));
}

static void switches_and_opposites(void **state)
{
	char other[64];

	(void)state;
	assert_int_equal(give("container-remap-root", NULL), 0);
	assert_string_equal(options_value("remap-root"), "yes");
	assert_int_equal(give("no-container-mount-home", NULL), 0);
	assert_string_equal(options_value("mount-home"), "no");
	assert_true(options_any_other(other, sizeof(other)));
	assert_string_equal(other, "no-container-mount-home");
	assert_int_equal(give("no-container-mount-home", NULL), 0); /* twice the same */
	assert_int_equal(reports, 0);

	assert_int_equal(give("container-mount-home", NULL), -1);
	assert_cause(&reported,
		     "--container-mount-home and --no-container-mount-home contradict each other");
	assert_remedy(&reported, "one of the two");
	assert_string_equal(options_value("mount-home"), "no"); /* as it was */
}

static void optional_value(void **state)
{
	static const char *const values_given[] = { NULL, "", "(null)", "size=1g", "/dir" };
	static const char *const kept[] = { "yes", "yes", "yes", "size=1g", "/dir" };

	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		assert_int_equal(start(state), 0);
		assert_int_equal(give("container-writable", values_given[i]), 0);
		assert_string_equal(options_value("writable"), kept[i]);
	}
	assert_int_equal(give("container-writable", "size=much"), -1);
	assert_cause(&reported, "--container-writable: 'much' is not a size");
	assert_string_equal(options_value("writable"), "/dir");
	assert_int_equal(give("container-readonly", NULL), -1);
	assert_contains(reported.cause, "contradict each other");

	assert_int_equal(start(state), 0);
	assert_int_equal(give("container-readonly", NULL), 0);
	assert_string_equal(options_value("writable"), "no");
}

/* In slurmstepd the order is Slurm's, and srun has refused what is to be refused. */
static void slurmstepd_takes_all(void **state)
{
	const struct registered *option = find_registered("container-workdir");

	(void)state;
	assert_int_equal(option->cb(option->val, "bad", 1), 0);
	assert_string_equal(options_value("workdir"), "bad");
	assert_int_equal(reports, 0);
}

static void text_is_what_handover_wants(void **state)
{
	static const char want[] = "image=/a=b.sqfs\0mounts=/a,/b\0workdir=/w";
	size_t len = 99;
	char *text = options_text(&len);

	(void)state;
	assert_non_null(text);
	assert_int_equal(len, 0);
	free(text);
	assert_int_equal(give("container-workdir", "/w"), 0);
	assert_int_equal(give("container-mounts", "/a,/b"), 0);
	assert_int_equal(give("container-image", "/a=b.sqfs"), 0);
	text = options_text(&len);
	assert_int_equal(len, sizeof(want)); /* with the last NUL */
	assert_memory_equal(text, want, len);
	free(text);
}

static void set_from_elsewhere(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(options_set("image", "/c.sqfs", &err), 0);
	assert_string_equal(options_value("image"), "/c.sqfs");
	assert_int_equal(options_set("image", "", &err), -1);
	assert_contains(err.cause, "--container-image: empty image path");
	assert_string_equal(options_value("image"), "/c.sqfs");
	assert_int_equal(reports, 0); /* passed on, not told */
}

/* --- local.c: before and after srun parses its command line ----------------------------------- */

static void nothing_asked(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	local_init(true);
	assert_int_equal(local_post_opt(true, &err), 0);
	assert_int_equal(start(state), 0);
	assert_int_equal(local_post_opt(false, &err), 0);
	assert_null(options_value("image"));
	assert_null(getenv("SLURM_CONTAINER"));
}

static void slurm_option_becomes_ours(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	local_init(true);
	setenv("SLURM_CONTAINER", "/b.sqfs", 1); /* srun --container=/b.sqfs */
	assert_int_equal(local_post_opt(true, &err), 0);
	assert_string_equal(options_value("image"), "/b.sqfs");
	assert_string_equal(getenv("SLURM_CONTAINER"), "/b.sqfs");
}

static void inherited_is_put_aside_and_back(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	setenv("SLURM_CONTAINER", "/a.sqfs", 1);
	local_init(true);
	assert_null(getenv("SLURM_CONTAINER"));
	assert_int_equal(local_post_opt(true, &err), 0);
	assert_string_equal(getenv("SLURM_CONTAINER"), "/a.sqfs");
}

static void new_jobs_inherit_nothing(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	setenv("SLURM_CONTAINER", "/a.sqfs", 1);
	local_init(true);
	assert_int_equal(local_post_opt(false, &err), 0); /* sbatch, salloc */
	assert_null(getenv("SLURM_CONTAINER"));
	assert_null(options_value("image"));
}

static void command_line_beats_inherited(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	setenv("SLURM_CONTAINER", "/a.sqfs", 1);
	local_init(true);
	setenv("SLURM_CONTAINER", "/b.sqfs", 1);
	assert_int_equal(local_post_opt(true, &err), 0);
	assert_string_equal(options_value("image"), "/b.sqfs");
	assert_string_equal(getenv("SLURM_CONTAINER"), "/b.sqfs");
}

static void our_option_beats_inherited(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	setenv("SLURM_CONTAINER", "/a.sqfs", 1);
	local_init(true);
	assert_int_equal(give("container-image", "/b.sqfs"), 0);
	assert_int_equal(local_post_opt(true, &err), 0);
	assert_string_equal(options_value("image"), "/b.sqfs");
	assert_null(getenv("SLURM_CONTAINER"));
}

/* --container-image of salloc comes down in a variable of Slurm's plugstack.c. */
static void inherited_option_of_ours(void **state)
{
	static const char *const names[] = { INHERITED_OPTION, "SLURM_SPANK_" INHERITED_OPTION };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(start(state), 0);
		setenv(names[i], "/a.sqfs", 1);
		local_init(true);
		assert_null(getenv(names[i]));
		assert_int_equal(local_post_opt(true, &err), 0);
		assert_string_equal(getenv("SLURM_CONTAINER"), "/a.sqfs");
	}
}

/* A new job starts from its own options, a nested srun from those of the allocation. */
static void inherited_mounts(void **state)
{
	const char *name = "_SLURM_SPANK_OPTION_davit_container_mounts";

	(void)state;
	setenv(name, "/a:/b", 1);
	local_init(true);
	assert_string_equal(getenv(name), "/a:/b");
	local_init(false);
	assert_null(getenv(name));
}

static void contradiction_is_refused(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	local_init(true);
	setenv("SLURM_CONTAINER", "/a.sqfs", 1);
	assert_int_equal(give("container-image", "/b.sqfs"), 0);
	assert_int_equal(local_post_opt(true, &err), -1);
	assert_cause(&err,
		     "--container='/a.sqfs' and --container-image='/b.sqfs' contradict each other");
	assert_remedy(&err, "one of the two");

	assert_int_equal(give("container-image", "/a.sqfs"), 0); /* the same twice is fine */
	assert_int_equal(local_post_opt(true, &err), 0);
}

static void empty_image_is_refused(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	local_init(true);
	setenv("SLURM_CONTAINER", "", 1);
	assert_int_equal(local_post_opt(true, &err), -1);
	assert_contains(err.cause, "empty image path");
}

static void other_options_need_an_image(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	local_init(true);
	assert_int_equal(give("container-workdir", "/w"), 0);
	assert_int_equal(local_post_opt(true, &err), -1);
	assert_cause(&err, "--container-workdir without an image");
	assert_remedy(&err, "--container=FILE as well");

	assert_int_equal(start(state), 0);
	assert_int_equal(give("container-workdir", "/w"), 0);
	assert_int_equal(local_post_opt(false, &err), -1); /* sbatch, too */
	assert_cause(&err, "--container-workdir without an image");

	assert_int_equal(start(state), 0);
	setenv("SLURM_CONTAINER", "/a.sqfs", 1); /* an inherited image will do */
	local_init(true);
	assert_int_equal(give("container-workdir", "/w"), 0);
	assert_int_equal(local_post_opt(true, &err), 0);
}

static void image_of_the_environment(void **state)
{
	static const char *const names[] = { "DAVIT_CONTAINER_IMAGE", "PYXIS_CONTAINER_IMAGE" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(start(state), 0);
		setenv(names[i], "/e.sqfs", 1);
		local_init(true);
		assert_int_equal(give("container-workdir", "/w"), 0);
		assert_int_equal(local_post_opt(true, &err), 0);
		assert_string_equal(getenv("SLURM_CONTAINER"), "/e.sqfs");
	}
}

static void image_of_the_environment_is_weaker(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	setenv("DAVIT_CONTAINER_IMAGE", "/e.sqfs", 1);
	local_init(true);
	assert_int_equal(give("container-image", "/o.sqfs"), 0);
	assert_int_equal(local_post_opt(true, &err), 0);
	assert_string_equal(options_value("image"), "/o.sqfs");
	assert_null(getenv("SLURM_CONTAINER"));

	assert_int_equal(start(state), 0);
	setenv("DAVIT_CONTAINER_IMAGE", "/e.sqfs", 1);
	setenv("PYXIS_CONTAINER_IMAGE", "/p.sqfs", 1);
	local_init(true);
	assert_int_equal(local_post_opt(true, &err), 0);
	assert_string_equal(getenv("SLURM_CONTAINER"), "/e.sqfs");
}

static void bad_variables_are_refused(void **state)
{
	static const struct {
		const char *name, *value, *cause;
	} cases[] = {
		{ "PYXIS_CONTAINER_WORKDIR", "w",
		  "PYXIS_CONTAINER_WORKDIR: 'w' is not an absolute" },
		{ "PYXIS_CONTAINER_MOUNT_HOME", "maybe",
		  "PYXIS_CONTAINER_MOUNT_HOME: 'maybe' is neither yes nor no" },
		{ "DAVIT_CONTAINER_NAME", "a/b", "DAVIT_CONTAINER_NAME: 'a/b' is not a name" },
		{ "DAVIT_CONTAINER_READONLY", "maybe",
		  "DAVIT_CONTAINER_READONLY: 'maybe' is neither" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(start(state), 0);
		setenv(cases[i].name, cases[i].value, 1);
		local_init(true);
		assert_int_equal(local_post_opt(true, &err), -1);
		assert_contains(err.cause, cases[i].cause);
	}
}

static void name_stands_for_an_image(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	local_init(true);
	assert_int_equal(give("container-name", "foo"), 0);
	assert_int_equal(give("container-workdir", "/w"), 0);
	assert_int_equal(local_post_opt(true, &err), 0);

	assert_int_equal(start(state), 0);
	setenv("PYXIS_CONTAINER_NAME", "foo", 1);
	local_init(true);
	assert_int_equal(give("container-workdir", "/w"), 0);
	assert_int_equal(local_post_opt(true, &err), 0);
}

/* Runs this program as if it were srun with these words; see srun_main. */
static int exec_srun(const char *options, const char *word, const char *command)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "srun", options, word, command, (char *)NULL);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* argv[1] is how many of the words are options. */
static int srun_main(char **argv)
{
	struct error err = ERROR_INIT;

	optind = 2 + atoi(argv[1]);
	unsetenv("SLURM_CONTAINER");
	local_init(true);
	setenv("SLURM_CONTAINER", "/a.sqfs", 1);
	if (local_post_opt(true, &err) == 0)
		return 0;
	return strstr(err.cause, "--multi-prog") && err.remedy[0] ? 1 : 98;
}

static void multi_prog(void **state)
{
	int refused = !HAVE_DECL_SPANK_PREPEND_TASK_ARGV;

	(void)state;
	assert_int_equal(exec_srun("1", "--multi-prog", "conf"), refused);
	assert_int_equal(exec_srun("1", "--multi", "conf"), refused);
	assert_int_equal(exec_srun("1", "--mem=1", "conf"), 0);
	assert_int_equal(exec_srun("1", "--multi-progs", "conf"), 0);
	assert_int_equal(exec_srun("1", "-l", "--multi-prog"), 0); /* of the command */
	assert_int_equal(exec_srun("0", "app", "--multi-prog"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers_the_table, start),
		cmocka_unit_test_setup(names_of_opposites, start),
		cmocka_unit_test_setup(register_failure_is_passed_on, start),
		cmocka_unit_test_setup(keeps_good_values, start),
		cmocka_unit_test_setup(refuses_bad_values, start),
		cmocka_unit_test_setup(switches_and_opposites, start),
		cmocka_unit_test_setup(optional_value, start),
		cmocka_unit_test_setup(slurmstepd_takes_all, start),
		cmocka_unit_test_setup(text_is_what_handover_wants, start),
		cmocka_unit_test_setup(set_from_elsewhere, start),
		cmocka_unit_test_setup(nothing_asked, start),
		cmocka_unit_test_setup(slurm_option_becomes_ours, start),
		cmocka_unit_test_setup(inherited_is_put_aside_and_back, start),
		cmocka_unit_test_setup(new_jobs_inherit_nothing, start),
		cmocka_unit_test_setup(command_line_beats_inherited, start),
		cmocka_unit_test_setup(our_option_beats_inherited, start),
		cmocka_unit_test_setup(inherited_option_of_ours, start),
		cmocka_unit_test_setup(inherited_mounts, start),
		cmocka_unit_test_setup(contradiction_is_refused, start),
		cmocka_unit_test_setup(empty_image_is_refused, start),
		cmocka_unit_test_setup(other_options_need_an_image, start),
		cmocka_unit_test_setup(image_of_the_environment, start),
		cmocka_unit_test_setup(image_of_the_environment_is_weaker, start),
		cmocka_unit_test_setup(bad_variables_are_refused, start),
		cmocka_unit_test_setup(name_stands_for_an_image, start),
		cmocka_unit_test(multi_prog),
	};

	if (argc > 2 && strcmp(argv[0], "srun") == 0)
		return srun_main(argv);
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
