/* SPDX-License-Identifier: BSD-3-Clause */
/* test_resolver.c - name servers on loopback are replaced, and nothing else. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "launcher/net/resolver.h"

static void replaces_loopback(void **state)
{
	static const char *const texts[][2] = {
		{ "nameserver 127.0.0.53\n", "nameserver 10.0.2.3\n" },
		{ "nameserver 127.0.0.53", "nameserver 10.0.2.3\n" },
		{ "search a b\nnameserver ::1\nnameserver\t127.0.0.1\noptions edns0\n",
		  "search a b\nnameserver 10.0.2.3\noptions edns0\n" },
		{ "nameserver 127.0.0.1\nnameserver 192.0.2.7\n",
		  "nameserver 10.0.2.3\nnameserver 192.0.2.7\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *result = resolver_replace(texts[i][0], "10.0.2.3");

		assert_non_null(result);
		assert_string_equal(result, texts[i][1]);
		free(result);
	}
}

static void leaves_the_rest(void **state)
{
	static const char *const texts[] = { "", "\n\n", "nameserver 192.0.2.7\n",
					     "# nameserver 127.0.0.1\n",
					     "nameserver\n127.0.0.1\n" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_null(resolver_replace(texts[i], "10.0.2.3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_loopback),
		cmocka_unit_test(leaves_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
