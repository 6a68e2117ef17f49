/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_sections.c - the parts of davit.conf that are no options: mounts, environment, files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/conf/conf_parse.h"
#include "launcher/conf/templates.h"

static int out_of_memory(const struct conf_reader *reader, struct error *err)
{
	return error_set(err, ENOMEM, "cannot read '%s'", reader->path);
}

/* A field of the options' syntax: its separators lose their meaning. */
static void put_field(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr(":,\\", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static int put_flags(const struct conf_reader *reader, FILE *out, const struct yaml_node *flags,
		     struct error *err)
{
	if (flags->kind != YAML_LIST) {
		if (conf_expect(reader, flags, YAML_TEXT, err) < 0)
			return -1;
		put_field(out, flags->text);
		return 0;
	}
	for (const struct yaml_node *node = flags->children; node; node = node->next) {
		if (conf_expect(reader, node, YAML_TEXT, err) < 0)
			return -1;
		put_field(out, node->text);
		if (node->next)
			fputc('+', out);
	}
	return 0;
}

/* A mount as a map becomes one as text. */
static int put_mount(const struct conf_reader *reader, FILE *out, const struct yaml_node *map,
		     bool *optional, struct error *err)
{
	enum {
		SOURCE,
		TARGET,
		FLAGS,
		OPTIONAL,
		COUNT
	};
	static const char *const names[] = { "source", "target", "flags", "optional" };
	const struct yaml_node *fields[COUNT] = { NULL };

	if (conf_read_fields(reader, map, names, COUNT, fields, err) < 0)
		return -1;
	if (!fields[SOURCE]) {
		error_set(err, 0, "a mount without 'source'");
		error_remedy(err, "{source: PATH, target: PATH}");
		return conf_refuse(reader, map, err);
	}
	if (!fields[TARGET])
		fields[TARGET] = fields[SOURCE];
	if (conf_expect(reader, fields[SOURCE], YAML_TEXT, err) < 0 ||
	    conf_expect(reader, fields[TARGET], YAML_TEXT, err) < 0)
		return -1;
	put_field(out, fields[SOURCE]->text);
	fputc(':', out);
	put_field(out, fields[TARGET]->text);
	if (fields[FLAGS]) {
		fputc(':', out);
		if (put_flags(reader, out, fields[FLAGS], err) < 0)
			return -1;
	}
	return fields[OPTIONAL] ? conf_read_switch(reader, fields[OPTIONAL], optional, err) : 0;
}

static int read_mount(const struct conf_reader *reader, const struct yaml_node *node,
		      struct error *err)
{
	struct mountlist *mounts = &reader->conf->mounts;
	cleanup_free char *joined = NULL;
	const char *text = node->text;
	size_t from = mounts->count, size;
	bool optional = false;

	if (node->kind == YAML_MAP) {
		FILE *out = open_memstream(&joined, &size);
		int result;

		if (!out)
			return out_of_memory(reader, err);
		result = put_mount(reader, out, node, &optional, err);
		if (fclose(out) != 0)
			return out_of_memory(reader, err);
		if (result < 0)
			return -1;
		text = joined;
	} else if (conf_expect(reader, node, YAML_TEXT, err) < 0) {
		return -1;
	}
	if (mountlist_parse(mounts, text, err) < 0)
		return conf_refuse(reader, node, err);
	for (size_t i = from; i < mounts->count; i++) {
		struct mountspec *spec = &mounts->items[i];

		if (spec->kind == MOUNT_BIND && spec->source[0] != '/') {
			error_set(err, 0, "mount source '%s' is not absolute", spec->source);
			error_remedy(err, "the whole path, since each job has its own directory");
			return conf_refuse(reader, node, err);
		}
		spec->optional = optional;
		spec->is_users = reader->layer == CONF_USER;
	}
	return 0;
}

int conf_read_mounts(const struct conf_reader *reader, const struct yaml_node *node,
		     struct error *err)
{
	if (conf_expect(reader, node, YAML_LIST, err) < 0)
		return -1;
	for (node = node->children; node; node = node->next)
		if (read_mount(reader, node, err) < 0)
			return -1;
	return 0;
}

int conf_read_paths(const struct conf_reader *reader, const struct yaml_node *list, char ***paths,
		    struct error *err)
{
	size_t count = 0;
	char **all;

	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next)
		count++;
	for (char **path = *paths; path && *path; path++)
		count++;
	all = calloc(count + 1, sizeof(*all));
	if (!all)
		return out_of_memory(reader, err);
	count = 0;
	for (const struct yaml_node *node = list->children; node; node = node->next, count++) {
		if (conf_expect(reader, node, YAML_TEXT, err) < 0)
			goto bad;
		all[count] = path_normalise(node->text);
		if (all[count])
			continue;
		error_set(err, 0, "'%s': '%s' is not an absolute path without '..'", list->key,
			  node->text);
		error_remedy(err, "the path of a file or directory that each node has");
		(void)conf_refuse(reader, node, err);
		goto bad;
	}
	for (char **path = *paths; path && *path; path++)
		all[count++] = *path;
	free(*paths);
	*paths = all;
	return 0;
bad:
	strings_free(all);
	return -1;
}

int conf_read_host_mpi(const struct conf_reader *reader, const struct yaml_node *list,
		       struct error *err)
{
	return conf_read_paths(reader, list, &reader->conf->host_mpi, err);
}

int conf_read_host_mpi_directories(const struct conf_reader *reader, const struct yaml_node *list,
				   struct error *err)
{
	return conf_read_paths(reader, list, &reader->conf->host_mpi_directories, err);
}

int conf_read_image_keys(const struct conf_reader *reader, const struct yaml_node *list,
			 struct error *err)
{
	return conf_read_paths(reader, list, &reader->conf->image_keys, err);
}

/* A pattern of fnmatch(3) for names of variables. */
static int check_pattern(const struct conf_reader *reader, const struct yaml_node *node,
			 struct error *err)
{
	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (node->text[0] && !strchr(node->text, '='))
		return 0;
	error_set(err, 0, "'%s' is not the name of a variable", node->text);
	error_remedy(err, "NAME, or a pattern such as LMOD_*");
	return conf_refuse(reader, node, err);
}

char **conf_texts(const struct conf_reader *reader, const struct yaml_node *list, struct error *err)
{
	size_t count = 0;
	char **texts;

	for (const struct yaml_node *node = list->children; node; node = node->next)
		count++;
	texts = calloc(count + 1, sizeof(*texts));
	count = 0;
	for (const struct yaml_node *node = list->children; texts && node; node = node->next) {
		texts[count] = strdup(node->text);
		if (!texts[count++]) {
			strings_free(texts);
			texts = NULL;
		}
	}
	if (!texts)
		out_of_memory(reader, err);
	return texts;
}

static int read_host_only(const struct conf_reader *reader, const struct yaml_node *list,
			  struct error *err)
{
	char **patterns;

	if (conf_expect_site(reader, list, err) < 0 ||
	    conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next)
		if (check_pattern(reader, node, err) < 0)
			return -1;
	patterns = conf_texts(reader, list, err);
	if (!patterns)
		return -1;
	strings_free(reader->conf->host_only);
	reader->conf->host_only = patterns;
	return 0;
}

static int read_unset(const struct conf_reader *reader, const struct yaml_node *list,
		      struct error *err)
{
	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next)
		if (check_pattern(reader, node, err) < 0 ||
		    edits_add(&reader->conf->environment, EDIT_UNSET, node->text, err) < 0)
			return -1;
	return 0;
}

static int read_edits(const struct conf_reader *reader, const struct yaml_node *map, enum edit op,
		      struct error *err)
{
	if (conf_expect(reader, map, YAML_MAP, err) < 0)
		return -1;
	for (const struct yaml_node *node = map->children; node; node = node->next) {
		cleanup_free char *text = NULL;

		if (conf_expect(reader, node, YAML_TEXT, err) < 0)
			return -1;
		if (!env_is_name(node->key, strlen(node->key))) {
			error_set(err, 0, "'%s' is not the name of a variable", node->key);
			error_remedy(err, "letters, digits and '_', no digit in front");
			return conf_refuse(reader, node, err);
		}
		if (asprintf(&text, "%s=%s", node->key, node->text) < 0) {
			text = NULL;
			return out_of_memory(reader, err);
		}
		if (edits_add(&reader->conf->environment, op, text, err) < 0)
			return conf_refuse(reader, node, err);
	}
	return 0;
}

/* In this order, whatever theirs in the file: a prefix can be unset and one of its names set. */
int conf_read_environment(const struct conf_reader *reader, const struct yaml_node *node,
			  struct error *err)
{
	enum {
		HOST_ONLY,
		UNSET,
		EDITS
	};
	static const char *const names[] = { "host-only", "unset", "set", "prepend", "append" };
	static const enum edit ops[] = { EDIT_SET, EDIT_PREPEND, EDIT_APPEND };
	const struct yaml_node *fields[EDITS + 3] = { NULL };

	if (conf_read_fields(reader, node, names, EDITS + 3, fields, err) < 0)
		return -1;
	if (fields[HOST_ONLY] && read_host_only(reader, fields[HOST_ONLY], err) < 0)
		return -1;
	if (fields[UNSET] && read_unset(reader, fields[UNSET], err) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (fields[EDITS + i] && read_edits(reader, fields[EDITS + i], ops[i], err) < 0)
			return -1;
	return 0;
}

/* Keeps text with patterns. */
static int keep_text(const struct conf_reader *reader, const struct yaml_node *node, char **field,
		     struct error *err)
{
	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (template_check(node->text, err) < 0)
		return conf_refuse(reader, node, err);
	*field = strdup(node->text);
	return *field ? 0 : out_of_memory(reader, err);
}

static int read_path(const struct conf_reader *reader, const struct yaml_node *node,
		     struct conf_template *file, struct error *err)
{
	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	file->path = path_normalise(node->text);
	if (!file->path && errno == ENOMEM)
		return out_of_memory(reader, err);
	if (file->path && file->path[1])
		return 0;
	error_set(err, 0, "'%s' is not the absolute path of a file without '..'", node->text);
	error_remedy(err, "its path in the container, such as /etc/motd");
	return conf_refuse(reader, node, err);
}

static int read_file(const struct conf_reader *reader, const struct yaml_node *map,
		     struct conf_template *file, struct error *err)
{
	enum {
		PATH,
		CONTENT,
		SOURCE,
		OPTIONAL,
		COUNT
	};
	static const char *const names[] = { "path", "content", "source", "optional" };
	const struct yaml_node *fields[COUNT] = { NULL };

	if (conf_read_fields(reader, map, names, COUNT, fields, err) < 0)
		return -1;
	if (!fields[PATH] || !fields[CONTENT] == !fields[SOURCE]) {
		error_set(err, 0, "a file takes 'path' and one of 'content' and 'source'");
		error_remedy(err,
			     "{path: PATH, content: TEXT}, or source: FILE in place of content");
		return conf_refuse(reader, map, err);
	}
	if (read_path(reader, fields[PATH], file, err) < 0)
		return -1;
	if (fields[OPTIONAL] &&
	    conf_read_switch(reader, fields[OPTIONAL], &file->optional, err) < 0)
		return -1;
	if (fields[CONTENT])
		return keep_text(reader, fields[CONTENT], &file->content, err);
	if (keep_text(reader, fields[SOURCE], &file->source, err) < 0)
		return -1;
	if (file->source[0] != '/') {
		error_set(err, 0, "source '%s' is not absolute", file->source);
		error_remedy(err, "the whole path of a file that each node has");
		return conf_refuse(reader, fields[SOURCE], err);
	}
	return 0;
}

int conf_read_files(const struct conf_reader *reader, const struct yaml_node *list,
		    struct error *err)
{
	struct conf *conf = reader->conf;
	size_t count = 0;

	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next)
		count++;
	conf->templates = calloc(count + 1, sizeof(*conf->templates));
	if (!conf->templates)
		return out_of_memory(reader, err);
	for (const struct yaml_node *node = list->children; node; node = node->next)
		if (read_file(reader, node, &conf->templates[conf->template_count++], err) < 0)
			return -1;
	return 0;
}
