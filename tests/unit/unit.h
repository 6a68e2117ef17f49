/* SPDX-License-Identifier: BSD-3-Clause */
/* unit.h - what cmocka.h wants to have been included, and what most tests check. */
#ifndef DAVIT_TESTS_UNIT_H
#define DAVIT_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A string that may be written to, as environ(7) has them. */
#define CHARS(text) ((char[]){ text })

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define assert_contains(text, part)                                             \
	do {                                                                    \
		if (!strstr((text), (part)))                                    \
			fail_msg("'%s' does not contain '%s'", (text), (part)); \
	} while (0)

#define assert_cause(err, text)  assert_string_equal((err)->cause, text)
#define assert_remedy(err, text) assert_string_equal((err)->remedy, text)

#endif
