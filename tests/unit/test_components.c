/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_components.c - what each component of a heterogeneous step asked for, from srun's command
 * line to the slurmstepds.
 *
 * The sources are included: they keep what was given for the life of the process.
 */
#include "plugin/cmdline.c"
#include "plugin/components.c"
#include "plugin/local.c"
#include "plugin/options.c"

#include "tests/unit/spank.h"

spank_err_t spank_option_register(spank_t spank, struct spank_option *option)
{
	(void)spank;
	(void)option;
	return ESPANK_SUCCESS;
}

void report(const struct error *err)
{
	(void)err;
}

static int start(void **state)
{
	(void)state;
	options_forget();
	for (size_t i = 0; i < OPTIONS_MAX; i++) {
		free(inherited[i]);
		inherited[i] = NULL;
	}
	for (int i = 0; i < HET_GROUPS_MAX; i++) {
		free(parts[i]);
		parts[i] = NULL;
	}
	count = 0;
	memset(&progress, 0, sizeof(progress));
	free(first_options);
	free(first_container);
	first_options = first_container = NULL;
	free(inherited_image);
	inherited_image = NULL;
	for (size_t i = 0; i < COUNT_OF(step_env); i++)
		if (step_env[i].name)
			spank_unsetenv(NULL, step_env[i].name);
	unsetenv("SLURM_CONTAINER");
	unsetenv("SRUN_CONTAINER");
	unsetenv("SRUN_CONTAINER_HET_GROUP_1");
	unsetenv("DAVIT_CONTAINER_IMAGE");
	unsetenv(COMPONENTS_ENV);
	return 0;
}

#define LINE(...)                                                         \
	((struct cmdline){ .argv = (const char *[]){ __VA_ARGS__, NULL }, \
			   .argc = COUNT_OF(((const char *[]){ __VA_ARGS__ })) })

/* Plays Slurm: one component whose options end at argument `end`. `container` is what its --container
 * is for Slurm, NULL for nothing. */
static int srun_takes(const struct cmdline *line, int end, const char *container, struct error *err)
{
	optind = end - progress.begin;
	if (container)
		setenv("SLURM_CONTAINER", container, 1);
	return post_component(line, err);
}

static void takes(const char *text, struct component_id id, const char *image, const char *workdir)
{
	cleanup_free char *copy = strdup(text);
	struct error err = ERROR_INIT;
	bool is_mistaken;

	assert_int_equal(components_take(copy, id, &is_mistaken, &err), 0);
	if (image)
		assert_string_equal(options_value("image"), image);
	else
		assert_null(options_value("image"));
	if (workdir)
		assert_string_equal(options_value("workdir"), workdir);
	else
		assert_null(options_value("workdir"));
}

#define INDEX(n) ((struct component_id){ .index = (n), .group = -1 })
#define GROUP(n) ((struct component_id){ .index = -1, .group = (n) })

/* --- cmdline.c -------------------------------------------------------------------------------- */

static void components_of_a_line(void **state)
{
	struct cmdline line = LINE("srun", "-n1", "app", "x", ":", "-n2", "app", ":", ":");
	struct component component = cmdline_component(&line, 0, 2, true);

	(void)state;
	assert_int_equal(component.options_end, 2);
	assert_int_equal(component.next, 4);
	component = cmdline_component(&line, 4, 2, true);
	assert_int_equal(component.begin, 4);
	assert_int_equal(component.options_end, 6);
	assert_int_equal(component.next, 7);
	assert_int_equal(cmdline_component(&line, 8, 1, true).next, -1);
	assert_int_equal(cmdline_component(&line, 0, 99, true).options_end, line.argc);
	/* ":" of a command that sbatch and salloc start is none of Slurm's */
	assert_int_equal(cmdline_component(&line, 0, 2, false).next, -1);
	assert_int_equal(cmdline_component(&line, 0, 4, false).next, 4);
}

static void options_of_a_line(void **state)
{
	struct cmdline line = LINE("srun", "--container=/a", "--mem", "1", "--container", "/b",
				   "app", "--container=/c");
	struct component component = cmdline_component(&line, 0, 6, true);

	(void)state;
	assert_string_equal(cmdline_value(&line, &component, "container"), "/b");
	assert_null(cmdline_value(&line, &component, "contain"));
	assert_null(cmdline_value(&line, &component, "containers"));
	assert_true(cmdline_has(&line, 0, 6, "mem"));
	assert_false(cmdline_has(&line, 4, 6, "container"));
	component = cmdline_component(&line, 0, 5, true); /* getopt has stopped before the value */
	assert_string_equal(cmdline_value(&line, &component, "container"), "/a");
}

static void groups_of_a_component(void **state)
{
	static const struct {
		const char *options[2];
		int groups[4]; /* ends with -1 */
	} cases[] = {
		{ { "-n1", "-l" }, { 7, -1 } },
		{ { "--het-group=3", "-l" }, { 3, -1 } },
		{ { "--het-group", "0,2" }, { 0, 2, -1 } },
		{ { "--het-group=[1-2,127]", "-l" }, { 1, 2, 127, -1 } },
		{ { "--het=1", "-l" }, { 1, -1 } },
		{ { "--pack-group=5", "-l" }, { 5, -1 } },
		{ { "--het-group=1", "--het-group=2" }, { 2, -1 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct cmdline line =
			LINE("srun", cases[i].options[0], cases[i].options[1], "--het-group=9");
		struct component component = cmdline_component(&line, 0, 3, true);
		bool groups[HET_GROUPS_MAX];
		struct error err = ERROR_INIT;
		size_t n = 0;

		assert_int_equal(cmdline_groups(&line, &component, 7, groups, &err), 0);
		for (int group = 0; group < HET_GROUPS_MAX; group++)
			if (groups[group])
				assert_int_equal(group, cases[i].groups[n++]);
		assert_int_equal(cases[i].groups[n], -1);
	}
}

static void bad_groups(void **state)
{
	static const char *const bad[] = { "",   "x",   "1,",  "-1",    "2-1",         "1-", "[1",
					   "1]", "1 2", "128", "0-128", "99999999999", "0;1" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct cmdline line = LINE("srun", "--het-group", bad[i]);
		struct component component = cmdline_component(&line, 0, 3, true);
		bool groups[HET_GROUPS_MAX];
		struct error err = ERROR_INIT;

		assert_int_equal(cmdline_groups(&line, &component, 0, groups, &err), -1);
		assert_contains(err.cause, "cannot tell which components of the job --het-group='");
		assert_remedy(&err, "numbers, as in --het-group=0,2-3");
	}
}

/* --- from srun to slurmstepd ------------------------------------------------------------------ */

static void each_component_has_its_own(void **state)
{
	struct cmdline line = LINE("srun", "--container=/a", "app", ":", "-l", "app", ":", "app");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(options_take("workdir", "/w", &err), 0);
	assert_int_equal(srun_takes(&line, 2, "/a", &err), 0);
	assert_null(getenv("SLURM_CONTAINER")); /* the next starts from nothing */
	assert_null(getenv(COMPONENTS_ENV));
	assert_int_equal(options_take("image", "/b", &err), 0);
	assert_int_equal(srun_takes(&line, 5, NULL, &err), 0);
	assert_int_equal(srun_takes(&line, 7, NULL, &err), 0);

	assert_null(getenv("SLURM_CONTAINER"));
	takes(getenv(COMPONENTS_ENV), INDEX(0), "/a", "/w");
	takes(getenv(COMPONENTS_ENV), INDEX(1), "/b", NULL);
	takes(getenv(COMPONENTS_ENV), GROUP(2), NULL, NULL);
}

static void groups_may_come_in_any_order(void **state)
{
	struct cmdline line = LINE("srun", "--het-group=3", "--container=/a", "app", ":",
				   "--het-group=0,2", "app");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(srun_takes(&line, 3, "/a", &err), 0);
	for (int group = 0; group < 2; group++) {
		assert_null(getenv(COMPONENTS_ENV));
		assert_int_equal(options_take("image", "/b", &err), 0);
		assert_int_equal(srun_takes(&line, 6, NULL, &err), 0);
	}
	takes(getenv(COMPONENTS_ENV), GROUP(0), "/b", NULL);
	takes(getenv(COMPONENTS_ENV), GROUP(2), "/b", NULL);
	takes(getenv(COMPONENTS_ENV), GROUP(3), "/a", NULL);
	takes(getenv(COMPONENTS_ENV), INDEX(1), "/b", NULL);
	takes(getenv(COMPONENTS_ENV), INDEX(2), "/a", NULL);
}

static void one_component_is_no_matter(void **state)
{
	struct cmdline line = LINE("srun", "--container=/a", "app", "x");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(srun_takes(&line, 2, "/a", &err), 0);
	assert_null(getenv(COMPONENTS_ENV));
	assert_string_equal(getenv("SLURM_CONTAINER"), "/a");
	assert_string_equal(options_value("image"), "/a");
}

/* Slurm keeps --container of one component for the next. */
static void leftovers_do_not_count(void **state)
{
	struct cmdline line = LINE("srun", "--container=/a", "app", ":", "app");
	struct error err = ERROR_INIT;
	bool is_mistaken = false;

	(void)state;
	assert_int_equal(srun_takes(&line, 2, "/a", &err), 0);
	assert_int_equal(srun_takes(&line, 4, "/a", &err), 0);
	takes(getenv(COMPONENTS_ENV), INDEX(1), NULL, NULL);
	assert_int_equal(components_take(getenv(COMPONENTS_ENV), INDEX(1), &is_mistaken, &err), 0);
	assert_true(is_mistaken);
}

static void variables_of_srun_count(void **state)
{
	static const char *const names[] = { "SRUN_CONTAINER", "SRUN_CONTAINER_HET_GROUP_1" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct cmdline line = LINE("srun", "--container=/a", "app", ":", "app");
		struct error err = ERROR_INIT;

		assert_int_equal(start(state), 0);
		setenv(names[i], "/b", 1);
		assert_int_equal(srun_takes(&line, 2, "/a", &err), 0);
		assert_int_equal(srun_takes(&line, 4, "/b", &err), 0);
		takes(getenv(COMPONENTS_ENV), INDEX(1), "/b", NULL);
	}
}

static void what_is_inherited_is_for_all(void **state)
{
	struct cmdline line = LINE("srun", "app", ":", "--container=/b", "app");
	const char *variable = "_SLURM_SPANK_OPTION_davit_container_workdir";
	struct error err = ERROR_INIT;

	(void)state;
	setenv("SLURM_CONTAINER", "/a", 1); /* of the job */
	setenv(variable, "/w", 1);
	local_init(true);
	setenv(variable, "/x", 1); /* as Slurm does before each component but the first */
	assert_int_equal(srun_takes(&line, 1, NULL, &err), 0);
	assert_int_equal(srun_takes(&line, 4, "/b", &err), 0);
	takes(getenv(COMPONENTS_ENV), INDEX(0), "/a", "/w");
	takes(getenv(COMPONENTS_ENV), INDEX(1), "/b", "/w");
	unsetenv(variable);
}

static void what_cannot_travel_is_refused(void **state)
{
	struct cmdline line = LINE("srun", "app", ":", "app");
	struct error err = ERROR_INIT;
	cleanup_free char *mounts = NULL;

	(void)state;
	assert_int_equal(options_take("image", "/a\036/b", &err), 0);
	assert_int_equal(srun_takes(&line, 1, NULL, &err), -1);
	assert_contains(err.cause, "has a control character");
	assert_remedy(&err, "a srun for each component");

	assert_int_equal(start(state), 0);
	mounts = calloc(1, COMPONENTS_MAX);
	memset(mounts, 'x', COMPONENTS_MAX - 1);
	assert_int_equal(options_take("image", mounts, &err), 0);
	assert_int_equal(srun_takes(&line, 1, NULL, &err), 0);
	assert_int_equal(srun_takes(&line, 3, NULL, &err), -1);
	assert_contains(err.cause, "cannot hand the container options of 2 components over: 65");
	assert_null(getenv(COMPONENTS_ENV));
}

static void unknown_components_are_refused(void **state)
{
	static const struct component_id ids[] = { INDEX(-1), INDEX(2), GROUP(2) };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		char text[] = "0\037image=/a\036"
			      "1\037image=/b\036";
		struct error err = ERROR_INIT;
		bool is_mistaken;

		assert_int_equal(components_take(text, ids[i], &is_mistaken, &err), -1);
		assert_cause(&err, "cannot tell which component of the heterogeneous step this is");
		assert_remedy(&err, "a srun for each component");
		assert_null(options_value("image"));
	}
	takes("0\037image=/a\036"
	      "1\037image=/a\036",
	      INDEX(-1), "/a", NULL); /* no matter which */
}

static void damaged_texts_are_refused(void **state)
{
	static const char *const texts[] = { "0\037image\036", "0\037nonsense=1\036", "0\037\036",
					     "" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		cleanup_free char *text = strdup(texts[i]);
		struct error err = ERROR_INIT;
		bool is_mistaken;

		assert_int_equal(components_take(text, INDEX(0), &is_mistaken, &err), -1);
	}
}

/* A job id of its own tells the component of a heterogeneous job. */
static void slurmstepd_takes_its_own(void **state)
{
	static const char *const names[] = { "SLURM_JOB_ID_HET_GROUP_1",
					     "SLURM_JOB_ID_PACK_GROUP_1" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct error err = ERROR_INIT;
		char value[16];
		bool is_mistaken;

		assert_int_equal(start(state), 0);
		step_job = 43;
		assert_int_equal(options_take("workdir", "/all", &err), 0); /* by Slurm */
		spank_setenv(NULL, COMPONENTS_ENV,
			     "0\037image=/a\036"
			     "1\037image=/b\036",
			     1);
		spank_setenv(NULL, "SLURM_CONTAINER", "/a", 1);
		spank_setenv(NULL, "_SLURM_SPANK_OPTION_davit_container_workdir", "/all", 1);
		spank_setenv(NULL, "_SLURM_SPANK_OPTION_davit_no_container_mount_home", "", 1);
		spank_setenv(NULL, "SLURM_JOB_ID_HET_GROUP_0", "42", 1);
		spank_setenv(NULL, names[i], "43", 1);
		assert_int_equal(components_choose(NULL, &is_mistaken, &err), 0);
		assert_string_equal(options_value("image"), "/b");
		assert_null(options_value("workdir"));
		assert_int_equal(spank_getenv(NULL, "SLURM_CONTAINER", value, sizeof(value)),
				 ESPANK_SUCCESS);
		assert_string_equal(value, "/b");
		assert_int_equal(find_variable(COMPONENTS_ENV), COUNT_OF(step_env));
		assert_int_equal(find_variable("_SLURM_SPANK_OPTION_davit_container_workdir"),
				 COUNT_OF(step_env));
		assert_int_equal(find_variable("_SLURM_SPANK_OPTION_davit_no_container_mount_home"),
				 COUNT_OF(step_env));
	}
}

static void slurmstepd_of_other_steps(void **state)
{
	struct error err = ERROR_INIT;
	bool is_mistaken = true;

	(void)state;
	assert_int_equal(options_take("image", "/a", &err), 0);
	assert_int_equal(components_choose(NULL, &is_mistaken, &err), 0);
	assert_string_equal(options_value("image"), "/a");
	assert_false(is_mistaken);
}

/* --- sbatch and salloc ------------------------------------------------------------------------ */

static int job_takes(const struct cmdline *line, int end, const char *workdir, struct error *err)
{
	optind = end - progress.begin;
	if (workdir)
		assert_int_equal(options_take("workdir", workdir, err), 0);
	return post_job(line, err);
}

static void components_of_a_job(void **state)
{
	struct cmdline line = LINE("salloc", "-n1", ":", "--container=/a", ":", "-n1");
	struct error err = ERROR_INIT;

	(void)state;
	setenv("SLURM_CONTAINER", "/a", 1);
	assert_int_equal(job_takes(&line, 2, "/w", &err), 0);
	assert_int_equal(job_takes(&line, 4, "/w", &err), 0); /* the same */
	assert_int_equal(job_takes(&line, 6, NULL, &err), 0);
	assert_string_equal(getenv("SLURM_CONTAINER"), "/a");
}

/* sbatch reads #SBATCH first, and then what it has put into its environment for the first component. */
static void later_components_of_a_script(void **state)
{
	struct cmdline line = LINE("sbatch", "job");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(options_take("image", "/a", &err), 0);
	assert_int_equal(job_takes(&line, 1, NULL, &err), 0);
	assert_int_equal(options_take("image", "/b", &err), 0);
	assert_int_equal(options_take("image", "/a", &err), 0);
	assert_int_equal(job_takes(&line, 1, NULL, &err), -1);
	assert_cause(&err, "a component of the job but the first asks for another container");
}

static void later_components_of_a_job(void **state)
{
	static const struct {
		const char *option, *container, *workdir;
	} cases[] = {
		{ "--container=/b", "/a", NULL }, /* Slurm leaves the variable as it was */
		{ "-n1", "/b", NULL },            /* of a script's #SBATCH */
		{ "-n1", "/a", "/x" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct cmdline line = LINE("sbatch", "-n1", ":", cases[i].option);
		struct error err = ERROR_INIT;

		assert_int_equal(start(state), 0);
		setenv("SLURM_CONTAINER", "/a", 1);
		assert_int_equal(job_takes(&line, 2, "/w", &err), 0);
		setenv("SLURM_CONTAINER", cases[i].container, 1);
		assert_int_equal(job_takes(&line, 4, cases[i].workdir, &err), -1);
		assert_cause(&err,
			     "a component of the job but the first asks for another container");
		assert_remedy(
			&err,
			"the options of the first alone; or give them to each srun in the job");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(components_of_a_line, start),
		cmocka_unit_test_setup(options_of_a_line, start),
		cmocka_unit_test_setup(groups_of_a_component, start),
		cmocka_unit_test_setup(bad_groups, start),
		cmocka_unit_test_setup(each_component_has_its_own, start),
		cmocka_unit_test_setup(groups_may_come_in_any_order, start),
		cmocka_unit_test_setup(one_component_is_no_matter, start),
		cmocka_unit_test_setup(leftovers_do_not_count, start),
		cmocka_unit_test_setup(variables_of_srun_count, start),
		cmocka_unit_test_setup(what_is_inherited_is_for_all, start),
		cmocka_unit_test_setup(what_cannot_travel_is_refused, start),
		cmocka_unit_test_setup(unknown_components_are_refused, start),
		cmocka_unit_test_setup(damaged_texts_are_refused, start),
		cmocka_unit_test_setup(slurmstepd_takes_its_own, start),
		cmocka_unit_test_setup(slurmstepd_of_other_steps, start),
		cmocka_unit_test_setup(components_of_a_job, start),
		cmocka_unit_test_setup(later_components_of_a_script, start),
		cmocka_unit_test_setup(later_components_of_a_job, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
