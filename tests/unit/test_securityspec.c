/* SPDX-License-Identifier: BSD-3-Clause */
/* test_securityspec.c - the syntax of --container-security. */
#include "common/securityspec.h"

#include "common/fd.h"
#include "tests/unit/unit.h"

static void good_lists(void **state)
{
	struct error err = ERROR_INIT;
	char **items = securitylist_parse(
		"seccomp=/a/b.json,seccomp:deny:all,seccomp:allow:AF_VSOCK", &err);
	const char *what;

	(void)state;
	assert_non_null(items);
	assert_int_equal(security_item(items[0], &what), SECURITY_FILE);
	assert_string_equal(what, "/a/b.json");
	assert_int_equal(security_item(items[1], &what), SECURITY_DENY);
	assert_string_equal(what, "all");
	assert_int_equal(security_item(items[2], &what), SECURITY_ALLOW);
	assert_string_equal(what, "AF_VSOCK");
	assert_null(items[3]);
	strings_free(items);
	items = securitylist_parse("seccomp=unconfined", &err);
	assert_int_equal(security_item(items[0], &what), SECURITY_UNCONFINED);
	strings_free(items);
	items = securitylist_parse("seccomp=default,seccomp:allow:_sysctl", &err);
	assert_int_equal(security_item(items[0], &what), SECURITY_DEFAULT);
	strings_free(items);
}

static void bad_lists(void **state)
{
	static const struct {
		const char *text, *cause, *remedy;
	} bad[] = {
		{ "", "'' says nothing about security", "seccomp:allow:NAME" },
		{ ",", "'' says nothing about security", "seccomp:allow:NAME" },
		{ "seccomp:allow:bpf,", "'' says nothing about security", "" },
		{ "seccomp", "'seccomp' says nothing", "" },
		{ "seccomp:allow", "'seccomp:allow' says nothing", "" },
		{ "Seccomp=unconfined", "says nothing", "" },
		{ "seccomp:allow:", "'' is not the name of a system call", "perf_event_open" },
		{ "seccomp:deny:a b", "'a b' is not the name of a system call", "" },
		{ "seccomp:deny:a\nb", "'a?b' is not the name of a system call", "" },
		{ "seccomp:allow:all", "there is no 'seccomp:allow:all'", "seccomp=unconfined" },
		{ "seccomp=", "'' is neither default, unconfined", "seccomp=default" },
		{ "seccomp=defualt", "'defualt' is neither default", "seccomp=default" },
		{ "seccomp=x.json", "'x.json' is neither", "seccomp=./x.json, if it is a file" },
		{ "seccomp=/a,seccomp=unconfined", "contradict each other", "one of the two" },
		{ "seccomp:allow:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "is not the name", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct error err = ERROR_INIT;

		assert_null(securitylist_parse(bad[i].text, &err));
		assert_contains(err.cause, bad[i].cause);
		assert_contains(err.remedy, bad[i].remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lists),
		cmocka_unit_test(bad_lists),
	};

	return cmocka_run_group_tests_name("securityspec", tests, NULL, NULL);
}
