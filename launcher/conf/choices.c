/* SPDX-License-Identifier: BSD-3-Clause */
/* choices.c - see choices.h. */
#include "launcher/conf/choices.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

#define NAME_MAX_LEN 64
#define OPT_FIRST    1000 /* beyond every letter */
#define OPT_OPPOSITE (OPT_FIRST + CHOICES_MAX)
#define OPT_HELP     (OPT_OPPOSITE + CHOICES_MAX)

const struct option_def *choices_find(const char *name, bool *is_opposite)
{
	for (const struct option_def *def = settings_options; def->name; def++) {
		*is_opposite = def->opposite && strcmp(def->opposite, name) == 0;
		if (*is_opposite || strcmp(def->name, name) == 0)
			return def;
	}
	return NULL;
}

static int keep(struct choices *choices, size_t index, const char *value, const char *origin,
		struct error *err)
{
	struct choice_item *item = &choices->items[index];
	cleanup_free char *new_value = strdup(value), *new_origin = strdup(origin);

	if (!new_value || !new_origin)
		return error_set(err, ENOMEM, "cannot keep the options");
	free(item->value);
	free(item->origin);
	item->value = steal_ptr(&new_value);
	item->origin = steal_ptr(&new_origin);
	return 0;
}

int choices_set(struct choices *choices, const char *name, const char *value, const char *origin,
		struct error *err)
{
	struct settings scratch = { .image = NULL };
	bool is_opposite;
	const struct option_def *def = choices_find(name, &is_opposite);
	enum choice choice;
	int result;

	if (!def)
		return error_set(err, 0, "no option is called '%s'", name);
	if (!value)
		value = "yes";
	if (is_opposite) {
		if (settings_parse_switch(&choice, value, err) < 0)
			return -1;
		value = choice == CHOICE_YES ? "no" : "yes";
	}
	result = def->set(&scratch, value, err);
	settings_done(&scratch);
	if (result < 0)
		return -1;
	return keep(choices, (size_t)(def - settings_options), value, origin, err);
}

int choices_from_env(struct choices *choices, struct error *err)
{
	for (const struct option_def *def = settings_options; def->name; def++) {
		char variable[1 + SETTINGS_VARIABLE_MAX] = "$";
		const char *value = settings_getenv(def, getenv, variable + 1);

		if (value && choices_set(choices, def->name, value, variable, err) < 0)
			return error_wrap(err, "%s", variable);
	}
	return 0;
}

/* An option has up to four names: its own and its opposite's, alone and as srun calls them. */
static void make_options(struct option *options, char (*srun_names)[NAME_MAX_LEN])
{
	for (int i = 0; settings_options[i].name; i++) {
		const struct option_def *def = &settings_options[i];
		int has_arg = def->has_arg == ARG_REQUIRED   ? required_argument
			      : def->has_arg == ARG_OPTIONAL ? optional_argument
							     : no_argument;

		settings_srun_name(def->name, *srun_names, NAME_MAX_LEN);
		*options++ = (struct option){ def->name, has_arg, NULL, OPT_FIRST + i };
		*options++ = (struct option){ *srun_names++, has_arg, NULL, OPT_FIRST + i };
		if (!def->opposite)
			continue;
		settings_srun_name(def->opposite, *srun_names, NAME_MAX_LEN);
		*options++ = (struct option){ def->opposite, no_argument, NULL, OPT_OPPOSITE + i };
		*options++ = (struct option){ *srun_names++, no_argument, NULL, OPT_OPPOSITE + i };
	}
	*options++ = (struct option){ "container", required_argument, NULL,
				      OPT_FIRST }; /* Slurm's own */
	*options++ = (struct option){ "help", no_argument, NULL, OPT_HELP };
	*options = (struct option){ NULL, 0, NULL, 0 };
}

static int refuse_argument(int result, const char *word, const char *command, struct error *err)
{
	const char *name = strncmp(word, "--container-", 12) == 0 ? word + 12 : word + 2,
		   *near = NULL;

	if (result == ':') {
		error_set(err, 0, "option '%s' needs a value", word);
	} else if (optopt >= OPT_FIRST) {
		error_set(err, 0, "option '%.*s' takes no value", (int)strcspn(word, "="), word);
	} else if (optopt > 0) {
		error_set(err, 0, "unknown option '-%c'", optopt);
	} else {
		error_set(err, 0, "unknown option '%s'", word);
		near = settings_nearest(name);
	}
	return error_remedy(err, "%s%s%sdavit %s --help", near ? "--" : "", near ? near : "",
			    near ? "; " : "", command);
}

int choices_from_args(struct choices *choices, int argc, char **argv, struct error *err)
{
	struct option options[4 * CHOICES_MAX + 3];
	char srun_names[2 * CHOICES_MAX][NAME_MAX_LEN];
	int result;

	make_options(options, srun_names);
	opterr = 0;
	optind = 0; /* as glibc wants it for a fresh start */
	while ((result = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		const struct option_def *def;
		char origin[NAME_MAX_LEN];
		const char *name;

		if (result == 'h' || result == OPT_HELP)
			return 0;
		if (result == '?' || result == ':')
			return refuse_argument(result, argv[optind - 1], argv[0], err);
		def = &settings_options[(result - OPT_FIRST) % CHOICES_MAX];
		name = result < OPT_OPPOSITE ? def->name : def->opposite;
		snprintf(origin, sizeof(origin), "--%s", name);
		if (choices_set(choices, name, optarg, origin, err) < 0)
			return error_wrap(err, "%s", origin);
	}
	return optind;
}

int choices_add(struct choices *choices, const struct choices *upper, struct error *err)
{
	for (size_t i = 0; i < CHOICES_MAX; i++) {
		const struct choice_item *item = &upper->items[i];

		if (item->value && keep(choices, i, item->value, item->origin, err) < 0)
			return -1;
	}
	return 0;
}

const char *choices_value(const struct choices *choices, const char *name)
{
	return choices->items[settings_find(name) - settings_options].value;
}

int choices_apply(const struct choices *choices, struct settings *settings, struct error *err)
{
	for (size_t i = 0; settings_options[i].name; i++) {
		const struct choice_item *item = &choices->items[i];

		if (item->value && settings_options[i].set(settings, item->value, err) < 0)
			return error_wrap(err, "%s", item->origin);
	}
	return 0;
}

void choices_done(struct choices *choices)
{
	for (size_t i = 0; i < CHOICES_MAX; i++) {
		free(choices->items[i].value);
		free(choices->items[i].origin);
	}
	*choices = (struct choices){ .items = { { NULL, NULL } } };
}
