/* SPDX-License-Identifier: BSD-3-Clause */
/* compile.h - real libraries and programs, made by the compiler in a test's own directory. */
#ifndef DAVIT_TESTS_COMPILE_H
#define DAVIT_TESTS_COMPILE_H

#include <stdio.h>
#include <stdlib.h>

#include "common/fd.h"
#include "tests/unit/tree.h"

static inline void command(const char *text)
{
	int status = system(text);

	if (status != 0)
		fail_msg("'%s' has failed with status %d", text, status);
}

/* Compiles the text `source` with `flags`, which name the output. TEST_CC is configure's compiler. */
static inline void compile(const char *source, const char *flags)
{
	cleanup_free char *text = NULL;

	put("source.c", source);
	assert_true(asprintf(&text, "%s -w -fPIC source.c %s", TEST_CC, flags) > 0);
	command(text);
}

#endif
