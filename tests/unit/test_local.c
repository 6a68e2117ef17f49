/* SPDX-License-Identifier: BSD-3-Clause */
/* test_local.c - unit tests for images that Docker, Podman or Buildah keep. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/import/local.h"

static void test_daemon(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("DOCKER_HOST"), 0);
	assert_null(local_daemon("docker-daemon:app:1"));
	assert_int_equal(setenv("DOCKER_HOST", "", 1), 0);
	assert_null(local_daemon("docker-daemon:app:1"));
	assert_int_equal(setenv("DOCKER_HOST", "unix:///run/x", 1), 0);
	assert_string_equal(local_daemon("docker-daemon:app:1"), "unix:///run/x");
	assert_null(local_daemon("docker://app:1"));
	assert_null(local_daemon("docker-archive:docker-daemon:"));
}

static void test_enter(void **state)
{
	const char *words[LOCAL_WORDS] = { NULL };
	struct error err = ERROR_INIT;
	int count;

	(void)state;
	assert_int_equal(local_enter("docker://app:1", words, &err), 0);
	assert_int_equal(local_enter("docker-daemon:app:1", words, &err), 0);
	assert_null(words[0]);
	count = local_enter("containers-storage:app", words, &err);
	if (geteuid() == 0) {
		assert_int_equal(count, 0);
	} else if (count < 0) {
		assert_cause(&err, "there is neither buildah nor podman on this node, which open "
				   "that store");
	} else {
		assert_int_equal(count, 2);
		assert_int_equal(access(words[0], X_OK), 0);
		assert_string_equal(words[1], "unshare");
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *reference, *said, *cause, *remedy;
	} cases[] = {
		{ "docker-daemon:a:1",
		  "failed to connect to the docker API at unix:///x: dial unix /x: no such file",
		  NULL,
		  "start it, or DOCKER_HOST=, as `docker context ls` tells where it listens" },
		{ "docker-daemon:a:1", "No such image: a:1", NULL,
		  "check the name and the tag: docker images" },
		{ "containers-storage:a", "reference \"[vfs@/x]a\" does not resolve to an image ID",
		  NULL, "check the name, and whose it is: podman images" },
		{ "containers-storage:a", "(Unable to determine exit status)",
		  "no user namespace could be made, in which alone that store can be read "
		  "((Unable to determine exit status))",
		  "davit doctor tells what this node allows" },
		{ "containers-storage:a", "something else", NULL, "of the registry" },
		{ "docker://a", "permission denied", NULL, "of the registry" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = ERROR_INIT;

		error_set(&err, 0, "%s", cases[i].said);
		error_remedy(&err, "of the registry");
		assert_int_equal(local_error(cases[i].reference, &err), -1);
		assert_cause(&err, cases[i].cause ? cases[i].cause : cases[i].said);
		assert_remedy(&err, cases[i].remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
