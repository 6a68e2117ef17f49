/* SPDX-License-Identifier: BSD-3-Clause */
/* test_scripts.c - what scripts make of an environment, and scripts that do not behave. */
#include "launcher/env/scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "launcher/narrow.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/davit-scripts.XXXXXX";

/* The real one takes privileges away that only root has. */
int narrow(enum narrow_to to, struct error *err)
{
	assert_int_equal(to, NARROW_USER);
	(void)err;
	return 0;
}

static const struct filter filter = { .data = NULL };

int filter_load(const void *data, size_t len, struct error *err)
{
	assert_null(data);
	assert_int_equal(len, 0);
	(void)err;
	return 0;
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/davit-scripts.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char line[64];

	(void)state;
	snprintf(line, sizeof(line), "rm -r %s", dir);
	return system(line);
}

static void add(const char *name, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *value(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

static char *const job[] = { CHARS("A=1"), CHARS("B=line\nline ' \" $A `"),
			     CHARS("PATH=/usr/bin:/bin"), NULL };

static char **source(struct error *err)
{
	return scripts_source(dir, job, false, &filter, err);
}

static void assert_fails(const char *cause)
{
	struct error err = ERROR_INIT;

	assert_null(source(&err));
	assert_cause(&err, cause);
	assert_remedy(&err, "--container-entrypoint-log shows what they print");
}

static void sources_in_order(void **state)
{
	struct error err = ERROR_INIT;
	char **env;

	(void)state;
	add("90-last.sh", "export PATH=\"/opt/bin:$PATH\"; C=\"${C}y\"; export C");
	add("10-first.sh", "#!/bin/false\nexport A=2 C=x\nunset B\nD=not-exported\n");
	add("50-odd.sh", "export E='two\nlines' F= G='a=b' H=\"'\\\"\"\n");
	add("README", "export README=1");
	add(".sh", "export HIDDEN=1");
	env = source(&err);
	assert_cause(&err, "");
	assert_string_equal(value(env, "A"), "2");
	assert_null(value(env, "B"));
	assert_string_equal(value(env, "C"), "xy");
	assert_null(value(env, "D"));
	assert_string_equal(value(env, "E"), "two\nlines");
	assert_string_equal(value(env, "F"), "");
	assert_string_equal(value(env, "G"), "a=b");
	assert_string_equal(value(env, "H"), "'\"");
	assert_string_equal(value(env, "PATH"), "/opt/bin:/usr/bin:/bin");
	assert_null(value(env, "README"));
	assert_null(value(env, "HIDDEN"));
	assert_null(value(env, "davit_script"));
	free(env);
}

static void nothing_to_source(void **state)
{
	struct error err = ERROR_INIT;
	char **env = source(&err);

	(void)state;
	assert_non_null(env);
	assert_string_equal(value(env, "A"), "1");
	assert_string_equal(value(env, "B"), "line\nline ' \" $A `");
	free(env);
}

static void failures(void **state)
{
	(void)state;
	add("a.sh", "exit 3");
	assert_fails("the shell ended with exit code 3");
	add("a.sh", "if\n");
	assert_fails("the shell ended with exit code 2");
	add("a.sh", "kill -SEGV $$");
	assert_fails("the shell died from signal 11");
	add("a.sh", "exec 9>&-; exec sleep 100"); /* no word can come from it any more */
	assert_fails("the shell died from signal 9");
	add("a.sh", "exit 0");
	assert_fails("the shell ended with exit code 0");
	add("a.sh", "echo nonsense >&9; exec sleep 100");
	assert_fails("the shell died from signal 9");
	add("a.sh", "echo 00000000000000000000000000000000000001 >&9; exec sleep 100");
	assert_fails("the shell died from signal 9");
}

static void stdin_is_empty(void **state)
{
	struct error err = ERROR_INIT;
	char **env;

	(void)state;
	add("a.sh", "read x; export A=\"<$x>\"; echo out; echo err >&2");
	env = source(&err);
	assert_string_equal(value(env, "A"), "<>");
	free(env);
}

static void too_much(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	add("a.sh", "x=$(head -c 100000 /dev/zero | tr '\\0' x)\n"
		    "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do\n"
		    "eval \"export X$i=$x\"; done; echo 1");
	assert_null(source(&err));
	/* more than what the kernel takes, or more than what we do */
	assert_true(
		strstr(err.cause, "the shell ended with exit code") ||
		strstr(err.cause, "cannot read the environment that they made: File too large"));
}

/* It has been killed, which takes a moment. */
static void assert_ends(int pid)
{
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	if (end.fd < 0)
		return;
	assert_int_equal(poll(&end, 1, 10000), 1);
	close(end.fd);
}

/* The one that takes its time: also proves that nothing of it stays. */
static void hangs(void **state)
{
	struct timespec start, end;
	char line[64], path[64];
	FILE *file;
	int pid;

	(void)state;
	snprintf(line, sizeof(line), "sleep 100 & echo $! >%s/pid; sleep 100", dir);
	add("a.sh", line);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_fails("they were not done after 10 seconds");
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_in_range(end.tv_sec - start.tv_sec, 9, 15);
	snprintf(path, sizeof(path), "%s/pid", dir);
	file = fopen(path, "re");
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	assert_ends(pid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sources_in_order), TEST(nothing_to_source), TEST(failures),
		TEST(stdin_is_empty),   TEST(too_much),          TEST(hangs),
	};

	return cmocka_run_group_tests_name("scripts", tests, NULL, NULL);
}
