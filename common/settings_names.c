/* SPDX-License-Identifier: BSD-3-Clause */
/* settings_names.c - see settings.h: what options are called. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/nearest.h"
#include "common/settings.h"

const struct option_def *settings_find(const char *name)
{
	for (const struct option_def *def = settings_options; def->name; def++)
		if (strcmp(def->name, name) == 0)
			return def;
	return NULL;
}

const char *settings_nearest(const char *name)
{
	const char *words[64];
	size_t count = 0;

	for (const struct option_def *def = settings_options; def->name && count + 2 < 64; def++) {
		words[count++] = def->name;
		if (def->opposite)
			words[count++] = def->opposite;
	}
	return word_nearest(name, words, count);
}

void settings_srun_name(const char *name, char *out, size_t size)
{
	bool is_no = strncmp(name, "no-", 3) == 0;

	snprintf(out, size, "%scontainer-%s", is_no ? "no-" : "", name + (is_no ? 3 : 0));
}

static const char *get_variable(const char *prefix, const char *name,
				char *(*get)(const char *name), char *variable)
{
	const char *value;

	snprintf(variable, SETTINGS_VARIABLE_MAX, "%s_CONTAINER_%s", prefix, name);
	for (char *at = variable; *at; at++)
		*at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
	value = get(variable);
	return value && value[0] ? value : NULL;
}

const char *settings_getenv(const struct option_def *def, char *(*get)(const char *name),
			    char variable[SETTINGS_VARIABLE_MAX])
{
	static const char *const prefixes[] = { "DAVIT", "PYXIS" };
	struct error ignored = ERROR_INIT;
	enum choice choice;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const char *value = get_variable(prefixes[i], def->name, get, variable);

		if (value)
			return value;
		if (!def->opposite)
			continue;
		value = get_variable(prefixes[i], def->opposite, get, variable);
		if (value && settings_parse_switch(&choice, value, &ignored) == 0)
			return choice == CHOICE_YES ? "no" : "yes";
		if (value)
			return value; /* and whoever takes it will say what is wrong */
	}
	return NULL;
}
