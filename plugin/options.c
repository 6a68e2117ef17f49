/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options.c - see options.h.
 *
 * The values are parsed here only to refuse bad ones: srun, sbatch and salloc do that, as the user,
 * before anything is allocated. Slurm carries the text to the node, where slurmstepd, which is root,
 * only passes it on, and the launcher parses it again.
 */
#include "plugin/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/settings.h"
#include "plugin/report.h"

#define OPTIONS_MAX 32

static char *values[OPTIONS_MAX]; /* by index in settings_options */

static int check(int index, const char *value, struct error *err)
{
	const struct option_def *def = &settings_options[index];
	struct settings parsed = { .image = NULL };
	int result = settings_set(&parsed, def->name, value, err);

	settings_done(&parsed);
	return result < 0 ? error_wrap(err, "--container-%s", def->name) : 0;
}

static int keep(int index, const char *value, struct error *err)
{
	char *copy = strdup(value);

	if (!copy)
		return error_set(err, ENOMEM, "--container-%s", settings_options[index].name);
	free(values[index]);
	values[index] = copy;
	return 0;
}

static int on_option(int index, const char *value, int remote)
{
	struct error err = ERROR_INIT;

	if (!value)
		value = "";
	if ((remote || check(index, value, &err) == 0) && keep(index, value, &err) == 0)
		return 0;
	report(&err);
	return -1;
}

static spank_err_t register_option(spank_t spank, int index)
{
	const struct option_def *def = &settings_options[index];
	char name[64];
	struct spank_option option = {
		.name = name,
		.arginfo = (char *)(uintptr_t)def->arg,
		.usage = (char *)(uintptr_t)def->help,
		.has_arg = 1,
		.val = index,
		.cb = on_option,
	};

	snprintf(name, sizeof(name), "container-%s", def->name);
	return spank_option_register(spank, &option); /* copies all of it */
}

spank_err_t options_register(spank_t spank)
{
	for (int i = 0; settings_options[i].name; i++) {
		spank_err_t result = register_option(spank, i);

		if (result != ESPANK_SUCCESS)
			return result;
	}
	return ESPANK_SUCCESS;
}

static int find_index(const char *name)
{
	return (int)(settings_find(name) - settings_options);
}

const char *options_value(const char *name)
{
	return values[find_index(name)];
}

const char *options_any_other(void)
{
	for (int i = 1; settings_options[i].name; i++)
		if (values[i])
			return settings_options[i].name;
	return NULL;
}

int options_set(const char *name, const char *value, struct error *err)
{
	int index = find_index(name);

	return check(index, value, err) < 0 ? -1 : keep(index, value, err);
}

char *options_text(size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	for (int i = 0; settings_options[i].name; i++)
		if (values[i])
			fprintf(out, "%s=%s%c", settings_options[i].name, values[i], '\0');
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
