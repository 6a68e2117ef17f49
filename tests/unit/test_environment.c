/* SPDX-License-Identifier: BSD-3-Clause */
/* test_environment.c - who wins: the job, the image, its scripts, the site or the user. */
#include "launcher/env/environment.h"

#include <stdlib.h>
#include <unistd.h>

#include "launcher/env/locale.h"
#include "launcher/env/scripts.h"
#include "tests/unit/unit.h"

/* What the scripts make: the environment that they get, with these in front and one left out. */
static char *const *scripts_add;
static const char *scripts_drop;
static int scripts_runs;

char **scripts_source(const char *dir, char *const *env, bool is_shown, const struct filter *filter,
		      struct error *err)
{
	char **list = calloc(100, sizeof(*list));
	size_t count = 0, len = scripts_drop ? strlen(scripts_drop) : 0;

	scripts_runs++;
	(void)filter;
	assert_string_equal(dir, "/.singularity.d/env");
	assert_false(is_shown);
	if (!scripts_add) {
		error_set(err, 0, "they failed");
		free(list);
		return NULL;
	}
	for (char *const *add = scripts_add; *add; add++)
		list[count++] = *add;
	for (; *env && count < 99; env++)
		if (!len || strncmp(*env, scripts_drop, len) != 0)
			list[count++] = *env; /* lives as long as the list is used */
	return list;
}

bool locale_exists(int root, const char *name)
{
	assert_true(root >= 0);
	return strcmp(name, "en_US.UTF-8") == 0 || strcmp(name, "C.UTF-8") == 0;
}

static char *job[] = {
	CHARS("HOME=/home/alice"),
	CHARS("USER=alice"),
	CHARS("LOGNAME=alice"),
	CHARS("PATH=/usr/bin"),
	CHARS("LD_PRELOAD=/x.so"),
	CHARS("LD_LIBRARY_PATH=/apps/lib"),
	CHARS("MODULEPATH=/apps/modules"),
	CHARS("LANG=xx_XX.UTF-8"),
	CHARS("LC_TIME=en_US.UTF-8"),
	CHARS("LC_ALL="),
	CHARS("LC_TERMINAL=iTerm2"),
	CHARS("SLURM_PROCID=3"),
	CHARS("PMIX_RANK=3"),
	CHARS("CUDA_VISIBLE_DEVICES=1"),
	CHARS("http_proxy=http://proxy"),
	CHARS("MINE=1"),
	CHARS("SHARED=job"),
	CHARS("DAVIT_NAME=old"),
	CHARS("BASH_FUNC_m%%=() { :; }"),
	NULL,
};

struct table {
	char *const *host_only;
	char **image;
	bool scripts;
	const char *site, *env; /* one EDIT_APPEND; --container-env */
	bool clean;
};

/* The environment that the rules make of the job's. */
static char **result_of(const struct table *table)
{
	struct image_config image = { .env = table->image, .scripts = table->scripts };
	struct settings settings = { .clean_env = table->clean ? CHOICE_YES : CHOICE_UNSET };
	struct edits edits = { .text = NULL }, site = { .text = NULL };
	struct environment environment = { .host_only = table->host_only,
					   .site = &site,
					   .image = &image,
					   .settings = &settings,
					   .image_path = "/i.sqfs" };
	struct error err = ERROR_INIT;
	char **before = environ, **result;

	environ = job;
	if (table->env)
		assert_int_equal(settings_set(&settings, "env", table->env, &err), 0);
	if (table->site)
		assert_int_equal(edits_add(&site, EDIT_APPEND, table->site, &err), 0);
	assert_int_equal(environment_make(&edits, &environment, &err), 0);
	assert_cause(&err, "");
	result = edits_result(job, edits.text, edits.len, &err);
	environ = before;
	assert_non_null(result);
	edits_done(&edits);
	edits_done(&site);
	settings_done(&settings);
	return result;
}

/* Is `name` set to `value`, or not at all if that is NULL? */
static void assert_value(char *const *env, const char *name, const char *value)
{
	size_t len = strlen(name);
	const char *is = NULL;

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			is = *env + len + 1;
	if (is != value && (!is || !value || strcmp(is, value) != 0))
		fail_msg("%s is '%s', not '%s'", name, is ? is : "unset", value ? value : "unset");
}

static void as_the_job_has_it(void **state)
{
	char **env = result_of(&(struct table){ .image = NULL });

	(void)state;
	assert_value(env, "HOME", "/home/alice");
	assert_value(env, "PATH", "/usr/bin");
	assert_value(env, "LD_LIBRARY_PATH", "/apps/lib");
	assert_value(env, "MINE", "1");
	assert_value(env, "BASH_FUNC_m%%", "() { :; }");
	assert_value(env, "DAVIT_IMAGE", "/i.sqfs");
	assert_value(env, "DAVIT_NAME", NULL);
	free(env);
}

static char *const host_only[] = { CHARS("LD_*"), CHARS("MODULEPATH"), CHARS("BASH_FUNC_*"), NULL };
static char *image_env[] = { CHARS("PATH=/image/bin"),
			     CHARS("LD_LIBRARY_PATH=/image/lib"),
			     CHARS("SHARED=image"),
			     CHARS("OWN=image"),
			     CHARS("HOME=/root"),
			     CHARS("USER=root"),
			     CHARS("LOGNAME=root"),
			     CHARS("SLURM_PROCID=0"),
			     CHARS("PMIX_RANK=0"),
			     CHARS("CUDA_VISIBLE_DEVICES=all"),
			     CHARS("PMIX_MCA_gds=hash"),
			     CHARS("OWN=again"),
			     NULL };

static void the_image_over_the_job(void **state)
{
	char **env = result_of(&(struct table){ .host_only = host_only, .image = image_env });

	(void)state;
	assert_value(env, "PATH", "/image/bin");
	assert_value(env, "LD_LIBRARY_PATH", "/image/lib");
	assert_value(env, "LD_PRELOAD", NULL);
	assert_value(env, "MODULEPATH", NULL);
	assert_value(env, "BASH_FUNC_m%%", NULL);
	assert_value(env, "SHARED", "image");
	assert_value(env, "OWN", "again");
	assert_value(env, "MINE", "1");
	assert_value(env, "HOME", "/home/alice");
	assert_value(env, "USER", "alice");
	assert_value(env, "LOGNAME", "alice");
	assert_value(env, "SLURM_PROCID", "3");
	assert_value(env, "PMIX_RANK", "3");
	assert_value(env, "PMIX_MCA_gds", "hash"); /* Slurm said nothing about that */
	assert_value(env, "CUDA_VISIBLE_DEVICES", "1");
	free(env);
}

static void the_site_over_the_image(void **state)
{
	char **env = result_of(&(struct table){
		.host_only = host_only, .image = image_env, .site = "PATH=/site/bin" });

	(void)state;
	assert_value(env, "PATH", "/image/bin:/site/bin");
	free(env);
}

static void the_user_over_all(void **state)
{
	char **env = result_of(
		&(struct table){ .host_only = host_only,
				 .image = image_env,
				 .site = "SHARED=site",
				 .env = "SHARED,PATH=/my,LD_PRELOAD,LANG,NONE,OWN,HOME=/h" });

	(void)state;
	assert_value(env, "SHARED", "job");
	assert_value(env, "PATH", "/my");
	assert_value(env, "LD_PRELOAD", "/x.so");
	assert_value(env, "LANG", "xx_XX.UTF-8");
	assert_value(env, "NONE", NULL);
	assert_value(env, "OWN", "again"); /* the job has none */
	assert_value(env, "HOME", "/h");
	free(env);
}

static void clean(void **state)
{
	char **env =
		result_of(&(struct table){ .host_only = host_only, .clean = true, .env = "MINE" });

	(void)state;
	assert_value(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_value(env, "HOME", "/home/alice");
	assert_value(env, "SLURM_PROCID", "3");
	assert_value(env, "PMIX_RANK", "3");
	assert_value(env, "CUDA_VISIBLE_DEVICES", "1");
	assert_value(env, "http_proxy", "http://proxy");
	assert_value(env, "LANG", "C.UTF-8");
	assert_value(env, "MINE", "1");
	assert_value(env, "SHARED", NULL);
	assert_value(env, "LD_LIBRARY_PATH", NULL);
	assert_value(env, "MODULEPATH", NULL);
	free(env);
	env = result_of(&(struct table){ .image = image_env, .clean = true });
	assert_value(env, "PATH", "/image/bin");
	assert_value(env, "SHARED", "image");
	free(env);
}

static void scripts(void **state)
{
	char *const add[] = { CHARS("PATH=/script/bin:/image/bin"),
			      CHARS("NEW=a\nb"),
			      CHARS("HOME=/root"),
			      CHARS("SLURM_PROCID=0"),
			      CHARS("PWD=/"),
			      CHARS("SHLVL=1"),
			      CHARS("_=/bin/sh"),
			      CHARS("OLDPWD=/"),
			      CHARS("odd.name=1"),
			      NULL };
	char **env;

	(void)state;
	scripts_add = add;
	scripts_drop = "SHARED=";
	env = result_of(&(struct table){ .image = image_env, .scripts = true, .env = "NONE" });
	assert_value(env, "PATH", "/script/bin:/image/bin");
	assert_value(env, "NEW", "a\nb");
	assert_value(env, "SHARED", NULL);
	assert_value(env, "HOME", "/home/alice");
	assert_value(env, "SLURM_PROCID", "3");
	assert_value(env, "PWD", NULL);
	assert_value(env, "SHLVL", NULL);
	assert_value(env, "_", NULL);
	assert_value(env, "OLDPWD", NULL);
	assert_value(env, "odd.name", NULL);
	assert_value(env, "BASH_FUNC_m%%", "() { :; }");
	assert_value(env, "MINE", "1");
	free(env);
	assert_int_equal(scripts_runs, 1);
}

static void scripts_that_fail(void **state)
{
	struct image_config image = { .scripts = true };
	struct settings settings = { .image = NULL };
	struct environment environment = { .image = &image,
					   .settings = &settings,
					   .image_path = "/i.sqfs" };
	struct edits edits = { .text = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	scripts_add = NULL;
	assert_int_equal(environment_make(&edits, &environment, &err), -1);
	assert_cause(&err, "cannot run the image's scripts in '/.singularity.d/env': they failed");
	edits_done(&edits);
}

static void locales(void **state)
{
	char **env = result_of(&(struct table){ .image = NULL });

	(void)state;
	assert_value(env, "LANG", "C.UTF-8");
	assert_value(env, "LC_TIME", "en_US.UTF-8");
	assert_value(env, "LC_ALL", "");
	assert_value(env, "LC_TERMINAL", "iTerm2");
	assert_value(env, "LC_CTYPE", NULL);
	free(env);
	env = result_of(&(struct table){ .env = "LANG=de_DE" });
	assert_value(env, "LANG", "de_DE");
	free(env);
	env = result_of(&(struct table){ .image = (char *[]){ CHARS("LC_ALL=yy_YY"), NULL } });
	assert_value(env, "LC_ALL", "C.UTF-8");
	free(env);
	env = result_of(&(struct table){ .env = "LOCPATH=/my/locales" });
	assert_value(env, "LANG", "xx_XX.UTF-8");
	free(env);
}

static void malformed_variables_of_an_image(void **state)
{
	struct image_config image = { .env = (char *[]){ CHARS("A=1"), CHARS("nonsense"), NULL } };
	struct settings settings = { .image = NULL };
	struct environment environment = { .image = &image,
					   .settings = &settings,
					   .image_path = "/i.sqfs" };
	struct edits edits = { .text = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(environment_make(&edits, &environment, &err), -1);
	assert_cause(&err, "the image's environment: 'nonsense' is no change to an environment");
	edits_done(&edits);
}

static void a_name(void **state)
{
	struct settings settings = { .image = NULL };
	struct environment environment = { .settings = &settings,
					   .image_path = "/i\n.sqfs",
					   .name = "mine" };
	struct edits edits = { .text = NULL };
	struct error err = ERROR_INIT;
	char **env;

	(void)state;
	assert_int_equal(environment_make(&edits, &environment, &err), 0);
	env = edits_result(job, edits.text, edits.len, &err);
	assert_value(env, "DAVIT_IMAGE", "/i\n.sqfs");
	assert_value(env, "DAVIT_NAME", "mine");
	free(env);
	edits_done(&edits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_job_has_it),
		cmocka_unit_test(the_image_over_the_job),
		cmocka_unit_test(the_site_over_the_image),
		cmocka_unit_test(the_user_over_all),
		cmocka_unit_test(clean),
		cmocka_unit_test(scripts),
		cmocka_unit_test(scripts_that_fail),
		cmocka_unit_test(locales),
		cmocka_unit_test(malformed_variables_of_an_image),
		cmocka_unit_test(a_name),
	};

	return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
