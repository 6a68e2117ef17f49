/* SPDX-License-Identifier: BSD-3-Clause */
/* spank.h - Slurm's side of a plugin in slurmstepd: the step's environment and its job. Once per test. */
#ifndef DAVIT_TESTS_SPANK_H
#define DAVIT_TESTS_SPANK_H

#include <slurm/spank.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static struct {
	char *name, *value;
} step_env[16]; /* of the step, not of this process */
static uint32_t step_job = 1;

static size_t find_variable(const char *name)
{
	size_t i = 0;

	while (i < COUNT_OF(step_env) && (!step_env[i].name || strcmp(step_env[i].name, name) != 0))
		i++;
	return i;
}

spank_err_t spank_getenv(spank_t spank, const char *name, char *buffer, int size)
{
	size_t i = find_variable(name);

	(void)spank;
	if (i == COUNT_OF(step_env))
		return ESPANK_ENV_NOEXIST;
	return snprintf(buffer, (size_t)size, "%s", step_env[i].value) < size ? ESPANK_SUCCESS
									      : ESPANK_NOSPACE;
}

spank_err_t spank_unsetenv(spank_t spank, const char *name)
{
	size_t i = find_variable(name);

	(void)spank;
	if (i < COUNT_OF(step_env)) {
		free(step_env[i].name);
		free(step_env[i].value);
		step_env[i].name = step_env[i].value = NULL;
	}
	return ESPANK_SUCCESS;
}

spank_err_t spank_setenv(spank_t spank, const char *name, const char *value, int overwrite)
{
	size_t i = 0;

	(void)overwrite;
	spank_unsetenv(spank, name);
	while (step_env[i].name)
		assert_true(++i < COUNT_OF(step_env));
	step_env[i].name = strdup(name);
	step_env[i].value = strdup(value);
	return ESPANK_SUCCESS;
}

spank_err_t spank_get_item(spank_t spank, spank_item_t item, ...)
{
	va_list args;

	(void)spank;
	assert_int_equal(item, S_JOB_ID);
	va_start(args, item);
	*va_arg(args, uint32_t *) = step_job;
	va_end(args);
	return ESPANK_SUCCESS;
}

#endif
