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

/* Where Slurm hands an option down: to nested steps. */
#define OPTION_ENV "_SLURM_SPANK_OPTION_davit_"

static char *values[OPTIONS_MAX];    /* by index in settings_options */
static bool opposed[OPTIONS_MAX];    /* the value comes from the opposite */
static bool replaced;                /* a value, by another */
static char *inherited[OPTIONS_MAX]; /* from the allocation, by salloc */

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
	replaced |= values[index] && strcmp(values[index], value) != 0;
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

static const char *normal_value(int index, bool opposite, const char *value)
{
	if (opposite)
		return "no";
	if (is_missing(&settings_options[index], value))
		return "yes";
	return value ? value : "";
}

static int on_option(int code, const char *value, int remote)
{
	int index = code & ~OPPOSITE;
	bool opposite = code & OPPOSITE;
	struct error err = ERROR_INIT;

	if (take(index, opposite, normal_value(index, opposite, value), remote, &err) == 0)
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

void options_variable(const char *name, char *out, size_t size)
{
	char srun_name[64];

	settings_srun_name(name, srun_name, sizeof(srun_name));
	for (char *at = srun_name; *at; at++)
		*at = *at == '-' ? '_' : *at;
	snprintf(out, size, OPTION_ENV "%s", srun_name);
}

static char *inherited_value(int index, bool opposite)
{
	const struct option_def *def = &settings_options[index];
	char variable[128];
	const char *value;

	if (opposite && !def->opposite)
		return NULL;
	options_variable(opposite ? def->opposite : def->name, variable, sizeof(variable));
	value = getenv(variable);
	return value ? strdup(normal_value(index, opposite, value)) : NULL;
}

void options_remember(void)
{
	for (int i = 0; settings_options[i].name; i++) {
		free(inherited[i]);
		inherited[i] = inherited_value(i, false);
		if (!inherited[i])
			inherited[i] = inherited_value(i, true);
	}
}

int options_inherit(struct error *err)
{
	for (int i = 0; settings_options[i].name; i++)
		if (inherited[i] && !values[i] && keep(i, inherited[i], err) < 0)
			return -1;
	return 0;
}

void options_forget(void)
{
	for (int i = 0; settings_options[i].name; i++) {
		free(values[i]);
		values[i] = NULL;
		opposed[i] = false;
	}
	replaced = false;
}

bool options_replaced(void)
{
	return replaced;
}

void options_clean(spank_t spank)
{
	char variable[128];

	for (int i = 0; settings_options[i].name; i++) {
		options_variable(settings_options[i].name, variable, sizeof(variable));
		spank_unsetenv(spank, variable);
		if (!settings_options[i].opposite)
			continue;
		options_variable(settings_options[i].opposite, variable, sizeof(variable));
		spank_unsetenv(spank, variable);
	}
}

int options_take(const char *name, const char *value, struct error *err)
{
	if (!settings_find(name))
		return error_set(err, 0, "no option is called '%s'", name);
	return keep(find_index(name), value, err);
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
