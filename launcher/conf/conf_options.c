/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_options.c - what davit.conf says of options: defaults for them, and which of them are forbidden.
 *
 * A default goes the way of a value on the command line, so that each has one grammar.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/conf/conf_parse.h"

/* There is one way to say a thing. */
static int refuse_opposite(const struct conf_reader *reader, const struct yaml_node *node,
			   const char *name, const struct option_def *def, struct error *err)
{
	error_set(err, 0, "'%s' is the opposite of the option '%s'", name, def->name);
	error_remedy(err, "'%s'", def->name);
	return conf_refuse(reader, node, err);
}

static int forbid(const struct conf_reader *reader, const struct yaml_node *node, struct error *err)
{
	bool is_opposite;
	const struct option_def *def = choices_find(node->text, &is_opposite);

	if (def && is_opposite)
		return refuse_opposite(reader, node, node->text, def, err);
	if (def && def != settings_options) {
		reader->conf->forbidden[def - settings_options] = node->line;
		return 0;
	}
	if (def) {
		error_set(err, 0, "'%s' cannot be forbidden: there is no container without",
			  def->name);
	} else {
		error_set(err, 0, "no option is called '%s'", node->text);
		if (settings_nearest(node->text))
			error_remedy(err, "'%s'", settings_nearest(node->text));
	}
	return conf_refuse(reader, node, err);
}

int conf_read_forbid(const struct conf_reader *reader, const struct yaml_node *list,
		     struct error *err)
{
	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next) {
		if (conf_expect(reader, node, YAML_TEXT, err) < 0 || forbid(reader, node, err) < 0)
			return -1;
	}
	return 0;
}

/* One of NAME=VALUE,...: commas and backslashes lose their meaning. */
static void put_variable(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

/* The text of an option whose value is a list, from a list or a map. */
static int join_value(const struct conf_reader *reader, const struct yaml_node *list, bool is_env,
		      char **value, struct error *err)
{
	size_t size;
	FILE *out = open_memstream(value, &size);

	if (!out)
		return error_set(err, errno, "cannot read '%s'", reader->path);
	for (const struct yaml_node *node = list->children; node; node = node->next) {
		if (conf_expect(reader, node, YAML_TEXT, err) < 0) {
			fclose(out);
			return -1;
		}
		fprintf(out, "%s%s%s", node == list->children ? "" : ",",
			node->key ? node->key : "", node->key ? "=" : "");
		if (is_env)
			put_variable(out, node->text);
		else
			fputs(node->text, out);
	}
	return fclose(out) == 0 ? 0 : error_set(err, ENOMEM, "cannot read '%s'", reader->path);
}

/* The image and what is kept or saved of it. */
static bool is_of_job(const struct option_def *def)
{
	static const char *const names[] = { "image", "digest", "name", "save", "trace" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(def->name, names[i]) == 0)
			return true;
	return false;
}

/* A default for an option. A comma list may be written as a list, variables as a map, too. */
static int set_option(const struct conf_reader *reader, const struct option_def *def,
		      const struct yaml_node *node, struct error *err)
{
	cleanup_free char *joined = NULL, *origin = NULL;
	bool is_env = strcmp(def->name, "env") == 0;
	bool is_list = def->arg && strstr(def->arg, ",...");
	const char *value = node->text;

	if (is_of_job(def)) {
		error_set(err, 0, "'%s' cannot have a default: each job names its own", def->name);
		error_remedy(err, "--container-%s", def->name);
		return conf_refuse(reader, node, err);
	}
	if ((is_list && node->kind == YAML_LIST) || (is_env && node->kind == YAML_MAP)) {
		if (join_value(reader, node, is_env, &joined, err) < 0)
			return -1;
		value = joined;
	} else if (conf_expect(reader, node, YAML_TEXT, err) < 0) {
		return -1;
	}
	if (asprintf(&origin, "%s:%zu", reader->path, node->line) < 0) {
		origin = NULL;
		return error_set(err, ENOMEM, "cannot read '%s'", reader->path);
	}
	if (choices_set(&reader->conf->choices, def->name, value, origin, err) < 0)
		return error_wrap(err, "%s: '%s'", origin, def->name);
	reader->conf->is_users[def - settings_options] = reader->layer == CONF_USER;
	return 0;
}

int conf_check_forbidden(const struct conf_reader *reader, const struct yaml_node *node,
			 struct error *err)
{
	const char *name = strcmp(node->key, "environment") == 0 ? "env" : node->key;
	const struct option_def *def = settings_find(name);
	size_t line = def ? reader->conf->forbidden[def - settings_options] : 0;

	if (reader->layer == CONF_SITE || !line)
		return 0;
	error_set(err, 0, "%s:%zu forbids the option '%s'", reader->conf->paths[CONF_SITE], line,
		  def->name);
	error_remedy(err, "leave it out, or ask your admin");
	return conf_refuse(reader, node, err);
}

int conf_read_option(const struct conf_reader *reader, const struct yaml_node *node,
		     struct error *err)
{
	bool is_opposite;
	const struct option_def *def = choices_find(node->key, &is_opposite);

	if (!def)
		return 1;
	return is_opposite ? refuse_opposite(reader, node, node->key, def, err)
			   : set_option(reader, def, node, err);
}
