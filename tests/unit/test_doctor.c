/* SPDX-License-Identifier: BSD-3-Clause */
/* test_doctor.c - what `davit doctor` reads, and what it makes of it. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/doctor/doctor.h"

static void tells_versions(void **state)
{
	static const struct {
		const char *text;
		int version;
	} texts[] = {
		{ "slurm-wlm 22.05.8", 2205 },
		{ "slurm 24.11.5", 2411 },
		{ "6.18.44-fc-v669", 618 },
		{ "5.14.0-427.el9.x86_64", 514 },
		{ "slurm2 25.05.0rc1", 2505 },
		{ "unknown", -1 },
		{ "", -1 },
		{ "12", -1 },
		{ "1234567.8", -1 },
		{ "-", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_int_equal(version_parse(texts[i].text), texts[i].version);
}

static void reads_plugstack(void **state)
{
	static const struct {
		const char *line, *path, *arguments;
	} lines[] = {
		{ "required /x/spank_davit.so\n", "/x/spank_davit.so", "" },
		{ "  optional\tspank_davit.so  launcher=/a \n", "spank_davit.so", "launcher=/a" },
		{ "required /x/spank_davit.so launcher=/a b # c", "/x/spank_davit.so",
		  "launcher=/a b" },
		{ "required /x/spank_davit.so # launcher=/a", "/x/spank_davit.so", "" },
		{ "# required /x/spank_davit.so", NULL, NULL },
		{ "required /x/spank_pyxis.so spank_davit.so", NULL, NULL },
		{ "required /x/not_spank_davit.so", NULL, NULL },
		{ "include /x/spank_davit.so", NULL, NULL },
		{ "required", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		char line[128];
		const char *path = NULL, *arguments = NULL;

		snprintf(line, sizeof(line), "%s", lines[i].line);
		assert_int_equal(plugstack_parse(line, &path, &arguments), lines[i].path != NULL);
		if (lines[i].path) {
			assert_string_equal(path, lines[i].path);
			assert_string_equal(arguments, lines[i].arguments);
		}
	}
}

#define REST "IgnoreFileConfigJson=true\nCreateEnvFile=null\n"

static void judges_oci_conf(void **state)
{
	static const struct {
		const char *text, *wrong;
	} texts[] = {
		{ REST "RunTimeRun=\"exec /b/davit oci-run %e -- %@\"\n", NULL },
		{ "# x\n" REST "runtimerun=\"exec /b/davit oci-run %e -- %@\"", NULL },
		{ REST "RunTimeRun=\"exec /c/davit oci-run %e -- %@\"\n",
		  "RunTimeRun does not start this Davit" },
		{ REST "RunTimeRun=\"exec /b/davit oci-run %e\"\n",
		  "RunTimeRun does not start this Davit" },
		{ REST "RunTimeRun=\"runc run %n\"\n", "RunTimeRun does not start this Davit" },
		{ "IgnoreFileConfigJson=true\nRunTimeRun=\"/b/davit oci-run %e -- %@\"",
		  "CreateEnvFile is not null" },
		{ "CreateEnvFile=null\nRunTimeRun=\"/b/davit oci-run %e -- %@\"",
		  "IgnoreFileConfigJson is not true" },
		{ "", "RunTimeRun does not start this Davit" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *copy = strdup(texts[i].text);
		const char *wrong = oci_conf_judge(copy, "/b/davit");

		if (texts[i].wrong) {
			assert_non_null(wrong);
			assert_string_equal(wrong, texts[i].wrong);
		} else {
			assert_null(wrong);
		}
		free(copy);
	}
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		long number;
	} texts[] = { { "0\n", 0 },   { "31000\n", 31000 }, { "", -1 },
		      { "-1\n", -1 }, { "1 2\n", -1 },      { "99999999999999999999\n", -1 } };
	char path[] = "/tmp/test_doctor.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, texts[i].text, strlen(texts[i].text), 0),
				 strlen(texts[i].text));
		assert_int_equal(fact_number(path), texts[i].number);
	}
	close(fd);
	unlink(path);
	assert_int_equal(fact_number(path), -1);
}

static void keeps_the_worst(void **state)
{
	struct finding finding = { .state = DOCTOR_SKIP };

	(void)state;
	finding_add(&finding, DOCTOR_WARN, "do", "one\n%d", 1);
	finding_add(&finding, DOCTOR_OK, NULL, "two");
	finding_add(&finding, DOCTOR_WARN, NULL, "three");
	assert_string_equal(finding.found, "one?1");
	assert_string_equal(finding.remedy, "do");
	finding_add(&finding, DOCTOR_FAIL, NULL, "four");
	assert_int_equal(finding.state, DOCTOR_FAIL);
	assert_string_equal(finding.found, "four");
	assert_string_equal(finding.remedy, "");
}

static void judges_paths(void **state)
{
	char directory[] = "/tmp/test_doctor.XXXXXX", file[64], link[64], why[256] = "";

	(void)state;
	assert_true(path_is_roots("/usr/bin", why, sizeof(why)));
	assert_true(path_is_roots("/", why, sizeof(why)));
	assert_false(path_is_roots("usr", why, sizeof(why)));
	assert_false(path_is_roots("/nonesuch/x", why, sizeof(why)));
	assert_string_equal(why, "cannot look at '/nonesuch': No such file or directory");
	if (geteuid() != 0)
		return;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/file", directory);
	snprintf(link, sizeof(link), "%s/link", directory);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(symlink("file", link), 0);
	assert_true(path_is_roots(file, why, sizeof(why)));
	assert_true(path_is_roots(link, why, sizeof(why)));
	assert_int_equal(chmod(file, 0620), 0);
	assert_false(path_is_roots(link, why, sizeof(why)));
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(chmod(directory, 0770), 0);
	assert_false(path_is_roots(file, why, sizeof(why)));
	assert_non_null(strstr(why, directory));
	assert_int_equal(chmod(directory, 0700), 0);
	assert_int_equal(chown(directory, 1, 1), 0);
	assert_false(path_is_roots(file, why, sizeof(why)));
	unlink(file);
	unlink(link);
	rmdir(directory);
}

static void runs_programs(void **state)
{
	char path[256], text[64], command[] = "echo out; echo err >&2; exit 3", option[] = "-c";
	char *argv[] = { path, option, command, NULL };

	(void)state;
	setenv("PATH", "/nonesuch", 1);
	assert_true(program_find("sh", path, sizeof(path)));
	assert_int_equal(program_run(argv, text, sizeof(text)), 3);
	assert_string_equal(text, "out\nerr\n");
	argv[2] = (char[]){ "id -u; echo $LEAK" };
	setenv("LEAK", "leaked", 1);
	assert_int_equal(program_run(argv, text, sizeof(text)), 0);
	assert_null(strstr(text, "leaked"));
	if (geteuid() == 0)
		assert_string_equal(text, "65534\n\n");
	assert_false(program_find("nonesuch-at-all", path, sizeof(path)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_versions),  cmocka_unit_test(reads_plugstack),
		cmocka_unit_test(judges_oci_conf), cmocka_unit_test(reads_numbers),
		cmocka_unit_test(keeps_the_worst), cmocka_unit_test(judges_paths),
		cmocka_unit_test(runs_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
