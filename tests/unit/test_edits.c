/* SPDX-License-Identifier: BSD-3-Clause */
/* test_edits.c - what each edit makes of an environment, and what is no edit. */
#include "launcher/env/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char *const job[] = {
	CHARS("HOME=/home/a"),
	CHARS("PATH=/usr/bin:/bin"),
	CHARS("EMPTY="),
	CHARS("LD_PRELOAD=x.so"),
	CHARS("LD_LIBRARY_PATH=/l"),
	CHARS("A=1"),
	CHARS("AB=2"),
	CHARS("B=a=b"),
	CHARS("no equals sign"),
	CHARS("BASH_FUNC_m%%=() { :\n}"),
	NULL,
};

/* All of a result, one entry a line, without what the job has above. */
static char *text_of(char *const *env)
{
	static char text[4096];
	char *to = text;

	*to = '\0';
	for (; *env; env++) {
		bool is_old = false;

		for (size_t i = 0; job[i]; i++)
			is_old |= strcmp(job[i], *env) == 0;
		if (!is_old)
			to = stpcpy(stpcpy(to, *env), "\n");
	}
	return text;
}

static bool has(char *const *env, const char *entry)
{
	for (; *env; env++)
		if (strcmp(*env, entry) == 0)
			return true;
	return false;
}

#define EDITS(text) text, sizeof(text) /* its last NUL belongs to the last edit */

/* These edits drop `gone` of the job's variables and add what `new` shows. */
static void assert_result(const char *text, size_t len, size_t gone, const char *new)
{
	struct error err = ERROR_INIT;
	char **env = edits_result(job, text, len, &err);
	size_t old = 0;

	assert_cause(&err, "");
	assert_non_null(env);
	for (size_t i = 0; job[i]; i++)
		old += has(env, job[i]);
	assert_int_equal(old, COUNT_OF(job) - 2 - gone); /* "no equals sign" goes in any case */
	assert_string_equal(text_of(env), new);
	free(env);
}

static void each_edit(void **state)
{
	(void)state;
	assert_result("", 0, 0, "");
	assert_result(EDITS("SNEW=1"), 0, "NEW=1\n");
	assert_result(EDITS("SNEW="), 0, "NEW=\n");
	assert_result(EDITS("SNEW==x="), 0, "NEW==x=\n");
	assert_result(EDITS("SA=2"), 1, "A=2\n");
	assert_result(EDITS("SA=2\0SA=3"), 1, "A=3\n");
	assert_result(EDITS("PPATH=/new"), 1, "PATH=/new:/usr/bin:/bin\n");
	assert_result(EDITS("APATH=/new"), 1, "PATH=/usr/bin:/bin:/new\n");
	assert_result(EDITS("APATH=/n\0PPATH=/m\0APATH=/o"), 1, "PATH=/m:/usr/bin:/bin:/n:/o\n");
	assert_result(EDITS("PNEW=1"), 0, "NEW=1\n");
	assert_result(EDITS("ANEW=1"), 0, "NEW=1\n");
	assert_result(EDITS("PEMPTY=1"), 1, "EMPTY=1\n");
	assert_result(EDITS("AEMPTY=1"), 1, "EMPTY=1\n");
	assert_result(EDITS("PPATH="), 0, "");
	assert_result(EDITS("APATH="), 0, "");
	assert_result(EDITS("ANEW="), 0, "NEW=\n");
	assert_result(EDITS("PA=x\0UA"), 1, "");
	assert_result(EDITS("PA=x\0SA=y"), 1, "A=y\n");
}

static void patterns(void **state)
{
	(void)state;
	assert_result(EDITS("UA"), 1, "");
	assert_result(EDITS("UA*"), 2, "");
	assert_result(EDITS("UA?"), 1, "");
	assert_result(EDITS("ULD_*"), 2, "");
	assert_result(EDITS("U*_P*"), 2, "");
	assert_result(EDITS("U[AB]"), 2, "");
	assert_result(EDITS("U[!AB]*"), 5, "");
	assert_result(EDITS("UBASH_FUNC_*"), 1, "");
	assert_result(EDITS("U*"), 9, "");
	assert_result(EDITS("U[A"), 0, ""); /* no pattern: fnmatch(3) takes it for two letters */
	assert_result(EDITS("UA\\B"), 1, "");
	assert_result(EDITS("Uhome"), 0, "");
	assert_result(EDITS("UA\0UB\0UAB"), 3, "");
	assert_result(EDITS("U*\0SA=2"), 9, "A=2\n");
}

static void only(void **state)
{
	(void)state;
	assert_result(EDITS("OA"), 8, "");
	assert_result(EDITS("OA\0OB"), 7, "");
	assert_result(EDITS("OA\0OLD_*\0OHOME"), 5, "");
	assert_result(EDITS("Onothing"), 9, "");
	assert_result(EDITS("OA\0SC=1\0OC"), 9, "C=1\n"); /* not in a row: one after the other */
	assert_result(EDITS("SC=1\0PA=0\0OC\0OB"), 8, "C=1\n");
}

static void the_jobs_value(void **state)
{
	(void)state;
	assert_result(EDITS("JA"), 0, "");
	assert_result(EDITS("SA=2\0JA"), 0, "");
	assert_result(EDITS("UA\0JA"), 0, "");
	assert_result(EDITS("O*H\0JLD_LIBRARY_PATH\0JEMPTY"), 6, "");
	assert_result(EDITS("SNEW=1\0JNEW"), 0,
		      "NEW=1\n"); /* the job has none: the image's stays */
	assert_result(EDITS("SNEW=1\0JNE"), 0, "NEW=1\n");
}

static void odd_environment_is_put_in_order(void **state)
{
	char *const twice[] = { CHARS("A=1"), CHARS("A=2"), CHARS("B=1"), CHARS("A=3"), NULL };
	static char *const none[] = { NULL };
	struct error err = ERROR_INIT;
	char **env = edits_result(twice, EDITS("PA=0"), &err);

	(void)state;
	assert_string_equal(env[0], "B=1");
	assert_string_equal(env[1], "A=0:1");
	assert_null(env[2]);
	free(env);
	env = edits_result(none, EDITS("SA=1\0UA"), &err);
	assert_null(env[0]);
	free(env);
}

static void malformed(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ EDITS("") },       { EDITS("S") },
		{ EDITS("SA") },     { EDITS("S=1") },
		{ EDITS("P=") },     { EDITS("AX") },
		{ EDITS("U") },      { EDITS("UA=1") },
		{ EDITS("JA=1") },   { EDITS("J") },
		{ EDITS("O") },      { EDITS("O=") },
		{ EDITS("X=1") },    { EDITS("sA=1") },
		{ EDITS("\1A=1") },  { EDITS("SA=1\0") },
		{ EDITS("\0SA=1") }, { EDITS("SA=1\0SB") },
		{ "SA=1", 4 },       /* cut */ { "SA=1\0UB", 7 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct error err = ERROR_INIT;

		assert_null(edits_result(job, bad[i].text, bad[i].len, &err));
		assert_cause(&err, "the list of changes to the environment is damaged");
		assert_remedy(&err, "start the step again");
	}
}

static void nothing_is_read_behind_the_end(void **state)
{
	struct error err = ERROR_INIT;
	char *text = malloc(4); /* for the sanitizer */

	(void)state;
	memcpy(text, "SA=1", 4);
	for (size_t len = 1; len <= 4; len++)
		assert_null(edits_result(job, text, len, &err));
	free(text);
}

static void too_long_to_be_joined(void **state)
{
	static char text[200 * 1024] = "PA=";
	struct error err = ERROR_INIT;

	(void)state;
	memset(text + 3, 'x', sizeof(text) - 4);
	assert_null(edits_result(job, text, sizeof(text), &err));
	assert_cause(&err, "cannot add to the variable 'A': Argument list too long");
	assert_remedy(&err, "shorter values");
}

static void builds_a_list(void **state)
{
	struct edits edits = { .text = NULL }, all = { .text = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(edits_append(&all, &edits, &err), 0);
	assert_int_equal(all.len, 0);
	assert_int_equal(edits_add(&edits, EDIT_SET, "A=1", &err), 0);
	assert_int_equal(edits_add(&edits, EDIT_UNSET, "B*", &err), 0);
	assert_int_equal(edits_append(&all, &edits, &err), 0);
	assert_int_equal(edits_add(&all, EDIT_JOB, "C", &err), 0);
	assert_int_equal(all.len, sizeof("SA=1\0UB*\0JC"));
	assert_memory_equal(all.text, "SA=1\0UB*\0JC", all.len);
	edits_done(&edits);
	edits_done(&all);
	assert_int_equal(all.len, 0);
}

static void adds_no_malformed_one(void **state)
{
	static const struct {
		enum edit op;
		const char *text, *remedy;
	} bad[] = {
		{ EDIT_SET, "A", "NAME=VALUE" },  { EDIT_SET, "", "NAME=VALUE" },
		{ EDIT_SET, "=1", "NAME=VALUE" }, { EDIT_APPEND, "A", "NAME=VALUE" },
		{ EDIT_UNSET, "", "a name" },     { EDIT_UNSET, "A=1", "a name" },
		{ EDIT_ONLY, "", "a name" },      { EDIT_JOB, "=", "a name" },
	};
	struct edits edits = { .text = NULL };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(edits_add(&edits, bad[i].op, bad[i].text, &err), -1);
		assert_contains(err.cause, "is no change to an environment");
		assert_remedy(&err, bad[i].remedy);
	}
	assert_int_equal(edits.len, 0);
}

static void applies_to_the_process(void **state)
{
	char **before = environ;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(edits_apply(NULL, 0, &err), 0);
	assert_ptr_equal(environ, before);
	assert_int_equal(edits_apply(EDITS("SDAVIT_TEST=1\0UHOME"), &err), 0);
	assert_string_equal(getenv("DAVIT_TEST"), "1");
	assert_null(getenv("HOME"));
	free(environ);
	environ = before;
	assert_int_equal(edits_apply(EDITS("?"), &err), -1);
	assert_ptr_equal(environ, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_edit),
		cmocka_unit_test(patterns),
		cmocka_unit_test(only),
		cmocka_unit_test(the_jobs_value),
		cmocka_unit_test(odd_environment_is_put_in_order),
		cmocka_unit_test(malformed),
		cmocka_unit_test(nothing_is_read_behind_the_end),
		cmocka_unit_test(too_long_to_be_joined),
		cmocka_unit_test(builds_a_list),
		cmocka_unit_test(adds_no_malformed_one),
		cmocka_unit_test(applies_to_the_process),
	};

	return cmocka_run_group_tests_name("edits", tests, NULL, NULL);
}
