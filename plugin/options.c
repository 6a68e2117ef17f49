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
#define OPPOSITE    0x100 /* beside an index: the option means "no" */

static char *values[OPTIONS_MAX]; /* by index in settings_options */
static bool opposed[OPTIONS_MAX]; /* the value comes from the opposite */

static int check(const char *name, int index, const char *value, struct error *err)
{
	struct settings parsed = { .image = NULL };
	int result = settings_set(&parsed, settings_options[index].name, value, err);

	settings_done(&parsed);
	return result < 0 ? error_wrap(err, "%s", name) : 0;
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

/* Slurm hands two options that exclude each other on in an order of its own, so the last word of a
 * command line would not count. */
static int check_pair(int index, bool opposite, struct error *err)
{
	const struct option_def *def = &settings_options[index];
	char first[64], second[64];

	if (!values[index] || opposed[index] == opposite)
		return 0;
	settings_srun_name(def->name, first, sizeof(first));
	settings_srun_name(def->opposite, second, sizeof(second));
	error_set(err, 0, "--%s and --%s contradict each other", first, second);
	return error_remedy(err, "one of the two");
}

static int take(int index, bool opposite, const char *value, bool remote, struct error *err)
{
	const struct option_def *def = &settings_options[index];
	char name[66] = "--";

	settings_srun_name(opposite ? def->opposite : def->name, name + 2, sizeof(name) - 2);
	if (!remote && (check_pair(index, opposite, err) < 0 || check(name, index, value, err) < 0))
		return -1;
	opposed[index] = opposite;
	return keep(index, value, err);
}

/* salloc and sbatch hand a missing value on through a variable, as the words "(null)". */
static bool is_missing(const struct option_def *def, const char *value)
{
	return def->has_arg == ARG_NONE || (def->has_arg == ARG_OPTIONAL &&
					    (!value || !value[0] || strcmp(value, "(null)") == 0));
}

static int on_option(int code, const char *value, int remote)
{
	int index = code & ~OPPOSITE;
	bool opposite = code & OPPOSITE;
	struct error err = ERROR_INIT;

	if (opposite)
		value = "no";
	else if (is_missing(&settings_options[index], value))
		value = "yes";
	else if (!value)
		value = "";
	if (take(index, opposite, value, remote, &err) == 0)
		return 0;
	report(&err);
	return -1;
}

static spank_err_t register_option(spank_t spank, int index, bool opposite)
{
	static const int has_arg[] = { [ARG_REQUIRED] = 1, [ARG_OPTIONAL] = 2, [ARG_NONE] = 0 };
	const struct option_def *def = &settings_options[index];
	char name[64];
	struct spank_option option = {
		.name = name,
		.arginfo = opposite ? NULL : (char *)(uintptr_t)def->arg,
		.usage = (char *)(uintptr_t)(opposite ? "the opposite" : def->help),
		.has_arg = opposite ? 0 : has_arg[def->has_arg],
		.val = opposite ? index | OPPOSITE : index,
		.cb = on_option,
	};

	settings_srun_name(opposite ? def->opposite : def->name, name, sizeof(name));
	return spank_option_register(spank, &option); /* copies all of it */
}

spank_err_t options_register(spank_t spank)
{
	for (int i = 0; settings_options[i].name; i++) {
		spank_err_t result = register_option(spank, i, false);

		if (result == ESPANK_SUCCESS && settings_options[i].opposite)
			result = register_option(spank, i, true);
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

bool options_any_other(char *name, size_t size)
{
	for (int i = 1; settings_options[i].name; i++)
		if (values[i]) {
			settings_srun_name(opposed[i] ? settings_options[i].opposite
						      : settings_options[i].name,
					   name, size);
			return true;
		}
	return false;
}

int options_set(const char *name, const char *value, struct error *err)
{
	int index = find_index(name);
	char option[64];

	snprintf(option, sizeof(option), "--container-%s", name);
	return check(option, index, value, err) < 0 ? -1 : keep(index, value, err);
}

int options_check_environment(struct error *err)
{
	char variable[SETTINGS_VARIABLE_MAX];

	for (int i = 0; settings_options[i].name; i++) {
		const char *value = settings_getenv(&settings_options[i], getenv, variable);

		if (value && check(variable, i, value, err) < 0)
			return -1;
	}
	return 0;
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
