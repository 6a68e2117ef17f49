/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps.c - what each instruction does.
 *
 * Variables are replaced when an instruction's turn comes. Owners are nobody's affair: all files of an
 * image belong to whoever runs it, so --chown and USER are taken, and change nothing but what the
 * configuration says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/fd.h"
#include "images/build/copy.h"
#include "images/build/paths.h"
#include "images/build/words.h"
#include "launcher/build/worker.h"

char *step_expand(const struct worker *worker, const char *text, struct error *err)
{
	return words_expand(text, worker->build->file.escape, &worker->variables, err);
}

static int refuse_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot keep a value");
}

int step_renew_variables(struct worker *worker, struct error *err)
{
	const struct list *lists[] = { &worker->arguments, &worker->spec.env };

	list_done(&worker->variables);
	for (size_t i = 0; i < 2; i++)
		for (size_t item = 0; item < lists[i]->count; item++)
			if (list_set(&worker->variables, lists[i]->items[item]) < 0)
				return refuse_memory(err);
	return 0;
}

/* ---- NAME=VALUE ------------------------------------------------------------------------------ */

/* Splits at the first '='; both sides lose their quotes. */
static int take_pair(struct worker *worker, char *word,
		     int (*take)(struct worker *worker, const char *name, const char *value,
				 struct error *err),
		     struct error *err)
{
	char *value = strchr(word, '=');
	cleanup_free char *name = NULL, *text = NULL;

	if (!value || value == word) {
		error_set(err, 0, "'%.60s' is not NAME=VALUE", word);
		return error_remedy(err, "NAME=VALUE, in quotes where there are blanks");
	}
	*value++ = '\0';
	name = step_expand(worker, word, err);
	text = name ? step_expand(worker, value, err) : NULL;
	return text ? take(worker, name, text, err) : -1;
}

/* NAME and a value up to the end, without a '=' between. */
static int take_old_form(struct worker *worker, const char *name, const char *value,
			 int (*take)(struct worker *worker, const char *name, const char *value,
				     struct error *err),
			 struct error *err)
{
	cleanup_free char *text = step_expand(worker, value + strspn(value, " \t"), err);

	return text ? take(worker, name, text, err) : -1;
}

static int do_pairs(struct worker *worker, const struct instruction *step,
		    int (*take)(struct worker *worker, const char *name, const char *value,
				struct error *err),
		    struct error *err)
{
	struct list words = { .items = NULL };
	int result = words_split(&words, step->text, worker->build->file.escape, err);

	if (result == 0 && words.count > 1 && !strchr(words.items[0], '='))
		result = take_old_form(worker, words.items[0], step->text + strlen(words.items[0]),
				       take, err);
	else
		for (size_t i = 0; result == 0 && i < words.count; i++)
			result = take_pair(worker, words.items[i], take, err);
	list_done(&words);
	return result;
}

static int take_label(struct worker *worker, const char *name, const char *value, struct error *err)
{
	return spec_set_entry(&worker->spec, "Labels", name, value, err);
}

static int take_env(struct worker *worker, const char *name, const char *value, struct error *err)
{
	cleanup_free char *variable = NULL;

	if (!name[0] || strchr(name, '=')) {
		error_set(err, 0, "'%.60s' is not a name for a variable", name);
		return error_remedy(err, "letters, digits and '_'");
	}
	if (asprintf(&variable, "%s=%s", name, value) < 0) {
		variable = NULL;
		return refuse_memory(err);
	}
	return spec_set_env(&worker->spec, variable, err);
}

static int do_env(struct worker *worker, const struct instruction *step, struct error *err)
{
	return do_pairs(worker, step, take_env, err) < 0 ? -1 : step_renew_variables(worker, err);
}

static int do_arg(struct worker *worker, const struct instruction *step, struct error *err)
{
	return stages_declare(worker->build, step, &worker->variables, &worker->build->globals,
			      &worker->arguments, err) < 0
		       ? -1
		       : step_renew_variables(worker, err);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* In front of a line: what SHELL or the base said, else /bin/sh -c. */
static int add_shell(const struct worker *worker, struct list *argv)
{
	static const char *const usual[] = { "/bin/sh", "-c" };
	const json_t *shell = json_object_get(worker->spec.config, "Shell");
	int result = 0;

	if (json_array_size(shell) == 0)
		return list_add(argv, usual[0]) | list_add(argv, usual[1]);
	for (size_t i = 0; i < json_array_size(shell); i++) {
		const char *word = json_string_value(json_array_get(shell, i));

		result |= word ? list_add(argv, word) : 0;
	}
	return result;
}

/* The command of RUN, CMD or ENTRYPOINT, to be freed. Its variables are the shell's to replace. */
static char **make_command(const struct worker *worker, const struct instruction *step,
			   struct error *err)
{
	struct list argv = { .items = NULL };
	int result = 0;

	if (step->words) {
		for (char *const *word = step->words; *word; word++)
			result |= list_add(&argv, *word);
		if (!argv.items && result == 0)
			return calloc(1, sizeof(char *));
	} else {
		result = add_shell(worker, &argv) | list_add(&argv, step->text);
	}
	if (result == 0)
		return argv.items;
	list_done(&argv);
	refuse_memory(err);
	return NULL;
}

static int do_command(struct worker *worker, const struct instruction *step, struct error *err)
{
	char **argv = make_command(worker, step, err);
	int result = argv ? 0 : -1;

	if (argv && step->verb == VERB_RUN) {
		result = run_step(worker, argv, err);
	} else if (argv && step->verb == VERB_CMD) {
		worker->has_command = true;
		result = spec_set_words(&worker->spec, "Cmd", argv, err);
	} else if (argv) {
		/* The base's CMD was meant for the base's ENTRYPOINT. */
		result = spec_set_words(&worker->spec, "Entrypoint", argv, err);
		if (result == 0 && !worker->has_command)
			result = spec_set_words(&worker->spec, "Cmd", NULL, err);
	}
	strings_free(argv);
	return result;
}

/* ---- directories and files ------------------------------------------------------------------- */

char *step_absolute(const struct worker *worker, const char *path, struct error *err)
{
	const char *directory = spec_text(&worker->spec, "WorkingDir");
	cleanup_free char *whole = NULL, *normal = NULL;
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	bool is_directory = !last[0] || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
	char *result;

	if (asprintf(&whole, "%s/%s", path[0] == '/' || !directory ? "" : directory, path) < 0)
		whole = NULL;
	normal = whole ? paths_clean(whole, NULL) : NULL;
	if (!normal ||
	    asprintf(&result, "%s%s", normal, is_directory && normal[1] ? "/" : "") < 0) {
		refuse_memory(err);
		return NULL;
	}
	return result;
}

static int make_directory(const struct worker *worker, const char *path, struct error *err)
{
	cleanup_close int dir = copy_make_directory(worker->root, path, err);

	return dir < 0 ? -1 : 0;
}

static int do_workdir(struct worker *worker, const struct instruction *step, struct error *err)
{
	cleanup_free char *text = step_expand(worker, step->text, err);
	cleanup_free char *path = NULL;
	size_t len;

	if (!text)
		return -1;
	if (!text[0]) {
		error_set(err, 0, "WORKDIR becomes empty");
		return error_remedy(err, "a path");
	}
	path = step_absolute(worker, text, err);
	if (!path)
		return -1;
	len = strlen(path);
	if (len > 1 && path[len - 1] == '/')
		path[len - 1] = '\0';
	return make_directory(worker, path, err) < 0
		       ? -1
		       : spec_set_text(&worker->spec, "WorkingDir", path, err);
}

int step_words(const struct worker *worker, const struct instruction *step, struct list *words,
	       struct error *err)
{
	struct list raw = { .items = NULL };
	char *const *from = step->words;
	int result = 0;

	if (!from) {
		result = words_split(&raw, step->text, worker->build->file.escape, err);
		from = raw.items;
	}
	for (; result == 0 && from && *from; from++) {
		char *word = step_expand(worker, *from, err);

		if (!word)
			result = -1;
		else if (list_take(words, word) < 0)
			result = refuse_memory(err);
	}
	list_done(&raw);
	return result;
}

/* ---- what is only told ----------------------------------------------------------------------- */

static int do_text(struct worker *worker, const struct instruction *step, const char *key,
		   struct error *err)
{
	cleanup_free char *text = step_expand(worker, step->text, err);

	return text ? spec_set_text(&worker->spec, key, text, err) : -1;
}

static int take_port(struct worker *worker, const char *word, struct error *err)
{
	size_t len = strspn(word, "0123456789-");
	cleanup_free char *port = NULL;

	if (len == 0 || word[0] == '-' ||
	    (word[len] && strcasecmp(word + len, "/tcp") != 0 &&
	     strcasecmp(word + len, "/udp") != 0 && strcasecmp(word + len, "/sctp") != 0)) {
		error_set(err, 0, "'%s' is not a port", word);
		return error_remedy(err, "NUMBER, NUMBER/tcp or NUMBER/udp");
	}
	if (asprintf(&port, "%s%s", word, word[len] ? "" : "/tcp") < 0) {
		port = NULL;
		return refuse_memory(err);
	}
	for (char *at = port; *at; at++)
		*at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
	return spec_set_entry(&worker->spec, "ExposedPorts", port, NULL, err);
}

static int take_volume(struct worker *worker, const char *word, struct error *err)
{
	cleanup_free char *path = step_absolute(worker, word, err);
	size_t len = path ? strlen(path) : 0;

	if (!path)
		return -1;
	if (len > 1 && path[len - 1] == '/')
		path[len - 1] = '\0';
	return make_directory(worker, path, err) < 0
		       ? -1
		       : spec_set_entry(&worker->spec, "Volumes", path, NULL, err);
}

static int do_each(struct worker *worker, const struct instruction *step,
		   int (*take)(struct worker *worker, const char *word, struct error *err),
		   struct error *err)
{
	struct list words = { .items = NULL };
	int result = step_words(worker, step, &words, err);

	for (size_t i = 0; result == 0 && i < words.count; i++)
		result = take(worker, words.items[i], err);
	list_done(&words);
	return result;
}

int step_do(struct worker *worker, const struct instruction *step, struct error *err)
{
	switch (step->verb) {
	case VERB_ADD:
	case VERB_COPY:
		return copy_step(worker, step, err);
	case VERB_ARG:
		return do_arg(worker, step, err);
	case VERB_CMD:
	case VERB_ENTRYPOINT:
	case VERB_RUN:
		return do_command(worker, step, err);
	case VERB_ENV:
		return do_env(worker, step, err);
	case VERB_LABEL:
		return do_pairs(worker, step, take_label, err);
	case VERB_EXPOSE:
		return do_each(worker, step, take_port, err);
	case VERB_VOLUME:
		return do_each(worker, step, take_volume, err);
	case VERB_SHELL:
		return spec_set_words(&worker->spec, "Shell", step->words, err);
	case VERB_STOPSIGNAL:
		return do_text(worker, step, "StopSignal", err);
	case VERB_USER:
		return do_text(worker, step, "User", err);
	case VERB_WORKDIR:
		return do_workdir(worker, step, err);
	case VERB_FROM:
		break; /* ends the stage before */
	}
	return 0;
}
