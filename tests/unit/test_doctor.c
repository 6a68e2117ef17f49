/* SPDX-License-Identifier: BSD-3-Clause */
/* test_doctor.c - `davit doctor`: what it reads out of files, and how results add up. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/devices/slurmconf.h"
#include "launcher/doctor/doctor.h"
#include "launcher/doctor/facts.h"

/* ---- facts ----------------------------------------------------------------------------------- */

static void reads_versions(void **state)
{
	char name[FACTS_VERSION_MAX];

	(void)state;
	assert_int_equal(facts_version("6.8.0-45-generic"), 0x060800);
	assert_int_equal(facts_version("5.14.0-427.el9.x86_64"), 0x050e00);
	assert_int_equal(facts_version("6.1"), 0x060100);
	assert_int_equal(facts_version("6.1-rc3"), 0x060100);
	assert_int_equal(facts_version("4.9.337"), 0x0409ff); /* would spill over */
	assert_true(facts_version("5.14.0") >= FACTS_VERSION(5, 14));
	assert_true(facts_version("5.13.19") < FACTS_VERSION(5, 14));
	assert_int_equal(facts_version("99999999999999999999.1.1"), 0xff0101);
	assert_int_equal(facts_version(""), 0);
	assert_int_equal(facts_version("6"), 0);
	assert_int_equal(facts_version("6."), 0);
	assert_int_equal(facts_version(".1.2"), 0);
	assert_int_equal(facts_version("-6.1"), 0);
	assert_int_equal(facts_version("linux"), 0);
	assert_string_equal(facts_slurm_name(0x180b05, name), "24.11.5");
	assert_string_equal(facts_slurm_name(0x160508, name), "22.05.8");
	assert_string_equal(facts_slurm_name(0xffffffff, name), "65535.255.255");
	assert_int_equal(FACTS_RELEASE(0x180b05), FACTS_VERSION(24, 11));
}

static void reads_numbers(void **state)
{
	static const char *const none[] = {
		"", "\n", "x", "1 2", "1x\n", "99999999999999999999\n"
	};
	long long number;

	(void)state;
	assert_true(facts_number("0\n", &number));
	assert_int_equal(number, 0);
	assert_true(facts_number("96365\n", &number));
	assert_int_equal(number, 96365);
	assert_true(facts_number("-1", &number));
	assert_int_equal(number, -1);
	for (size_t i = 0; i < COUNT_OF(none); i++)
		if (facts_number(none[i], &number))
			fail_msg("'%s' is no number", none[i]);
}

static void finds_words(void **state)
{
	(void)state;
	assert_true(facts_has_word("kill_process errno allow\n", "errno"));
	assert_true(facts_has_word("kill_process errno allow\n", "allow"));
	assert_true(facts_has_word("\terrno", "errno"));
	assert_false(facts_has_word("kill_process allowed\n", "allow"));
	assert_false(facts_has_word("kill_process", "kill"));
	assert_false(facts_has_word("", "errno"));
}

static void expect_line(const char *text, enum plugstack_kind kind, const char *path,
			const char *arguments)
{
	char *copy = strdup(text);
	struct plugstack_line line = facts_plugstack(copy);

	assert_int_equal(line.kind, kind);
	assert_string_equal(line.path, path);
	assert_string_equal(line.arguments, arguments);
	free(copy);
}

static void takes_plugstack_lines_apart(void **state)
{
	(void)state;
	expect_line("", PLUGSTACK_NONE, "", "");
	expect_line("  \t", PLUGSTACK_NONE, "", "");
	expect_line("# required /x.so", PLUGSTACK_NONE, "", "");
	expect_line("required /x.so", PLUGSTACK_REQUIRED, "/x.so", "");
	expect_line("\tOptional\t/x.so  launcher=/a  b \r", PLUGSTACK_OPTIONAL, "/x.so",
		    "launcher=/a  b");
	expect_line("required x.so a=1 # why", PLUGSTACK_REQUIRED, "x.so", "a=1");
	expect_line("required #x.so", PLUGSTACK_WRONG, "", "");
	expect_line("include /etc/slurm/plugstack.conf.d/*", PLUGSTACK_INCLUDE,
		    "/etc/slurm/plugstack.conf.d/*", "");
	expect_line("include", PLUGSTACK_WRONG, "", "");
	expect_line("requires /x.so", PLUGSTACK_WRONG, "/x.so", "");
}

static struct oci_facts read_oci(char **copy, const char *text)
{
	*copy = slurmconf_copy(text, strlen(text));
	return facts_oci(*copy);
}

static void reads_oci_conf(void **state)
{
	struct oci_facts facts;
	char *copy;

	(void)state;
	facts = read_oci(&copy,
			 "# RunTimeRun=\"no\"\nIgnoreFileConfigJson=true\nCreateEnvFile=null\n"
			 "RunTimeRun=\"exec /usr/bin/davit oci-run %e -- %@\"\n");
	assert_true(facts.ignores_config);
	assert_true(facts.has_null_env);
	assert_false(facts.has_runtime);
	assert_string_equal(facts.run, "exec /usr/bin/davit oci-run %e -- %@");
	free(copy);

	facts = read_oci(
		&copy,
		"CreateEnvFile=newline\nignorefileconfigjson=no\nRunTimeCreate=\"runc create\"\n");
	assert_false(facts.ignores_config);
	assert_false(facts.has_null_env);
	assert_true(facts.has_runtime);
	assert_null(facts.run);
	free(copy);

	facts = read_oci(&copy, "");
	assert_false(facts.ignores_config);
	assert_null(facts.run);
	free(copy);
}

static void expect_launcher(const char *run, const char *launcher)
{
	char *found = facts_oci_launcher(run);

	if (launcher)
		assert_string_equal(found, launcher);
	else
		assert_null(found);
	free(found);
}

static void tells_davits_run_from_others(void **state)
{
	(void)state;
	expect_launcher("exec /usr/bin/davit oci-run %e -- %@", "/usr/bin/davit");
	expect_launcher("  /opt/davit oci-run %e", "/opt/davit");
	expect_launcher("exec", NULL);
	expect_launcher("", NULL);
	expect_launcher("executable oci-run", "executable");
	expect_launcher("runc run --bundle %b", NULL);
	expect_launcher("exec /usr/bin/davit oci-runner", NULL);
}

/* ---- results --------------------------------------------------------------------------------- */

static void worst_status_wins(void **state)
{
	struct result result = { .status = STATUS_OK };

	(void)state;
	result_add(&result, STATUS_OK, "a is %d", 1);
	result_add(&result, STATUS_OK, "b");
	assert_string_equal(result.found, "a is 1; b");
	result_add(&result, STATUS_SKIP, "c");
	assert_string_equal(result.found, "c");
	result_add(&result, STATUS_WARN, "d");
	result_remedy(&result, "do %s", "d");
	result_add(&result, STATUS_FAIL, "e");
	assert_string_equal(result.found, "e");
	assert_string_equal(result.remedy, "");
	result_remedy(&result, "do e");
	result_add(&result, STATUS_WARN, "f");
	result_remedy(&result, "do f");
	result_add(&result, STATUS_FAIL, "g");
	result_remedy(&result, "do g");
	assert_int_equal(result.status, STATUS_FAIL);
	assert_string_equal(result.found, "e; g");
	assert_string_equal(result.remedy, "do e; do g");
}

static void long_and_odd_texts_are_tamed(void **state)
{
	struct result result = { .status = STATUS_OK };

	(void)state;
	result_add(&result, STATUS_WARN, "a\033[31m\nok  all well");
	assert_string_equal(result.found, "a?[31m?ok  all well");
	for (int i = 0; i < 3 * ERROR_TEXT_MAX; i++)
		result_add(&result, STATUS_WARN, "x");
	assert_true(strlen(result.found) < ERROR_TEXT_MAX);
	assert_true(strlen(result.found) >= ERROR_TEXT_MAX - 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_versions),    cmocka_unit_test(reads_numbers),
		cmocka_unit_test(finds_words),       cmocka_unit_test(takes_plugstack_lines_apart),
		cmocka_unit_test(reads_oci_conf),    cmocka_unit_test(tells_davits_run_from_others),
		cmocka_unit_test(worst_status_wins), cmocka_unit_test(long_and_odd_texts_are_tamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
