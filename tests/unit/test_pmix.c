/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pmix.c - Slurm's configuration files, and which directory is the ranks'. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/pmix.h"

static char dir[] = "/tmp/davit-test-pmix.XXXXXX";

static char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_text(const char *name, const char *text)
{
	FILE *out = fopen(path_of(name), "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void expect(const char *text, const char *value)
{
	char *found;

	write_text("slurm.conf", text);
	found = pmix_slurm_conf(path_of("slurm.conf"), "TmpFS");
	if (value)
		assert_string_equal(found, value);
	else
		assert_null(found);
	free(found);
}

static void finds_a_value(void **state)
{
	(void)state;
	expect("TmpFS=/a\n", "/a");
	expect("ClusterName=x tmpfs=\"/a\" Other=1", "/a");
	expect("\tTMPFS=/a # why\nTmpFS=/b\r\n", "/b");
	expect("#TmpFS=/a\nTmpFSX=/b\nXTmpFS=/c\n", NULL);
	expect("", NULL);
	assert_null(pmix_slurm_conf(path_of("none"), "TmpFS"));
}

static void follows_includes(void **state)
{
	(void)state;
	write_text("more.conf", "TmpFS=/more\n");
	expect("Include more.conf\n", "/more");
	expect("include none.conf\nTmpFS=/a\n", "/a");
	expect("TmpFS=/a\nInclude slurm.conf\n", "/a"); /* itself */
}

static void finds_the_directory(void **state)
{
	char name[64], *found;

	(void)state;
	setenv("SLURM_CONF", path_of("slurm.conf"), 1);
	setenv("SLURMD_NODENAME", "n7", 1);
	setenv("PMIX_NAMESPACE", "slurm.pmix.4711.3", 1);
	expect("TmpFS=/none\n", "/none");
	assert_null(pmix_ranks_dir());
	snprintf(name, sizeof(name), "TmpFS=%s/%%n\n", dir);
	write_text("slurm.conf", name);
	assert_int_equal(mkdir(path_of("n7"), 0700), 0);
	snprintf(name, sizeof(name), "n7/spmix_appdir_%u_4711.3", getuid());
	assert_int_equal(mkdir(path_of(name), 0700), 0);
	found = pmix_ranks_dir();
	assert_non_null(found);
	assert_string_equal(found, path_of(name));
	free(found);
	unsetenv("PMIX_NAMESPACE");
	assert_null(pmix_ranks_dir());
	rmdir(path_of(name));
	rmdir(path_of("n7"));
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path_of("slurm.conf"));
	unlink(path_of("more.conf"));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_value),
		cmocka_unit_test(follows_includes),
		cmocka_unit_test(finds_the_directory),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
