/* SPDX-License-Identifier: BSD-3-Clause */
/* cdi_fields.c - see cdi_parse.h: maps by tables, lists, and values that several fields have. */
#include "launcher/devices/cdi_parse.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/fd.h"
#include "common/mountspec.h"
#include "common/nearest.h"

#define FIELDS_MAX 16

/* Appends the way to `place`; returns the length of the text, which is cut to fit. */
static size_t put_place(const struct cdi_place *place, char *out, size_t size)
{
	size_t len = place->in ? put_place(place->in, out, size) : 0;

	if (!place->in)
		out[0] = '\0';
	else if (place->name)
		len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? "." : "",
					place->name);
	else
		len += (size_t)snprintf(out + len, size - len, "[%zu]", place->index);
	return len < size ? len : size - 1;
}

int cdi_refuse(const struct cdi_reader *reader, const struct cdi_place *place, struct error *err)
{
	char text[256];

	put_place(place, text, sizeof(text));
	return error_wrap(err, "%s:%zu: '%s'", reader->file, place->node->line, text);
}

int cdi_refuse_older(const struct cdi_reader *reader, const struct cdi_place *place,
		     unsigned int since, struct error *err)
{
	error_set(err, 0, "this is of cdiVersion %u.%u.0, but the file is of %u.%u.0", since / 1000,
		  since % 1000, reader->version / 1000, reader->version % 1000);
	error_remedy(err, "cdiVersion: %u.%u.0", since / 1000, since % 1000);
	return cdi_refuse(reader, place, err);
}

/* A remedy: the word that was meant, else all that there are. */
static void name_words(const char *word, const char *const *words, size_t count, struct error *err)
{
	const char *nearest = word_nearest(word, words, count);
	char all[512] = "";

	for (size_t i = 0, len = 0; i < count && len < sizeof(all); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s'%s'", i > 0 ? ", " : "",
					words[i]);
	if (nearest)
		error_remedy(err, "'%s'", nearest);
	else
		error_remedy(err, "one of %s", all);
}

int cdi_refuse_word(const struct cdi_reader *reader, const struct cdi_place *place,
		    const char *const *words, size_t count, struct error *err)
{
	error_set(err, 0, "'%s' is not known", place->node->text);
	name_words(place->node->text, words, count, err);
	return cdi_refuse(reader, place, err);
}

int cdi_out_of_memory(const struct cdi_reader *reader, struct error *err)
{
	return error_set(err, ENOMEM, "cannot read '%s'", reader->file);
}

/* The tree does not tell null from 'null'. */
static bool is_null(const struct yaml_node *node)
{
	return node->kind == YAML_NOTHING ||
	       (node->kind == YAML_TEXT &&
		(strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0));
}

int cdi_expect(const struct cdi_reader *reader, const struct cdi_place *place, enum yaml_kind kind,
	       struct error *err)
{
	static const char *const examples[] = { [YAML_NOTHING] = "null",
						[YAML_TEXT] = "VALUE",
						[YAML_LIST] = "[VALUE, VALUE]",
						[YAML_MAP] = "{FIELD: VALUE}" };

	if (place->node->kind == kind || (kind != YAML_TEXT && is_null(place->node)))
		return 0;
	error_set(err, 0, "%s where %s should be", yaml_kind_name(place->node->kind),
		  yaml_kind_name(kind));
	error_remedy(err, "%s", examples[kind]);
	return cdi_refuse(reader, place, err);
}

static const struct cdi_field *find_field(const struct cdi_field *fields, size_t count,
					  const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static int refuse_field(const struct cdi_reader *reader, const struct cdi_place *place,
			const struct cdi_field *fields, size_t count, struct error *err)
{
	const char *names[FIELDS_MAX];

	for (size_t i = 0; i < count; i++)
		names[i] = fields[i].name;
	error_set(err, 0, "unknown field");
	name_words(place->name, names, count, err);
	return cdi_refuse(reader, place, err);
}

static int refuse_missing(const struct cdi_reader *reader, const struct cdi_place *place,
			  const struct cdi_field *field, struct error *err)
{
	error_set(err, 0, "missing");
	error_remedy(err, "%s: %s", field->name, field->example);
	return cdi_refuse(reader, place, err);
}

static int read_field(const struct cdi_reader *reader, const struct cdi_place *place,
		      const struct cdi_field *field, void *to, struct error *err)
{
	const struct yaml_node *node = place->node;
	bool is_text = node->kind == YAML_TEXT && node->text[0];

	if (field->example && (node->kind == YAML_NOTHING || (node->text && !is_text)))
		return refuse_missing(reader, place, field, err);
	if (node->kind == YAML_NOTHING)
		return 0;
	/* An empty value asks for nothing: programs write it for what they have not got. */
	if (field->since > reader->version && (node->children || (is_text && !is_null(node))))
		return cdi_refuse_older(reader, place, field->since, err);
	return field->read(reader, place, (char *)to + field->offset, err);
}

int cdi_read_map(const struct cdi_reader *reader, const struct cdi_place *place,
		 const struct cdi_field *fields, size_t count, void *to, struct error *err)
{
	unsigned int seen = 0;

	if (cdi_expect(reader, place, YAML_MAP, err) < 0)
		return -1;
	for (const struct yaml_node *node = place->node->children; node; node = node->next) {
		const struct cdi_place at = { .in = place, .node = node, .name = node->key };
		const struct cdi_field *field = find_field(fields, count, node->key);

		if (!field)
			return refuse_field(reader, &at, fields, count, err);
		if (seen & (1u << (field - fields))) {
			error_set(err, 0, "for the second time, in other letters");
			error_remedy(err, "one of the two");
			return cdi_refuse(reader, &at, err);
		}
		seen |= 1u << (field - fields);
		if (read_field(reader, &at, field, to, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].example && !(seen & (1u << i))) {
			const struct cdi_place at = { .in = place,
						      .node = place->node,
						      .name = fields[i].name };

			return refuse_missing(reader, &at, &fields[i], err);
		}
	return 0;
}

void *cdi_new_items(const struct cdi_reader *reader, const struct cdi_place *place, size_t size,
		    struct error *err)
{
	size_t count = 1;
	void *items;

	if (cdi_expect(reader, place, YAML_LIST, err) < 0)
		return NULL;
	for (const struct yaml_node *node = place->node->children; node; node = node->next)
		count++;
	items = calloc(count, size);
	if (!items)
		cdi_out_of_memory(reader, err);
	return items;
}

int cdi_read_items(const struct cdi_reader *reader, const struct cdi_place *place, void *items,
		   size_t size, size_t *count, cdi_read_fn *read, struct error *err)
{
	for (const struct yaml_node *node = place->node->children; node; node = node->next) {
		const struct cdi_place at = { .in = place, .node = node, .index = *count };

		++*count;
		if (read(reader, &at, (char *)items + at.index * size, err) < 0)
			return -1;
	}
	return 0;
}

int cdi_check_text(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		   struct error *err)
{
	(void)to;
	return cdi_expect(reader, place, YAML_TEXT, err);
}

int cdi_read_text(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		  struct error *err)
{
	char **text = to;

	if (cdi_expect(reader, place, YAML_TEXT, err) < 0)
		return -1;
	if (!place->node->text[0])
		return 0;
	*text = strdup(place->node->text);
	return *text ? 0 : cdi_out_of_memory(reader, err);
}

/* In a list an empty text is one, too. */
static int read_item(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	char **text = to;

	if (cdi_expect(reader, place, YAML_TEXT, err) < 0)
		return -1;
	*text = strdup(place->node->text);
	return *text ? 0 : cdi_out_of_memory(reader, err);
}

static int read_variable(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
			 struct error *err)
{
	if (read_item(reader, place, to, err) < 0)
		return -1;
	if (place->node->text[0] != '=' && strchr(place->node->text, '='))
		return 0;
	error_set(err, 0, "'%s' is not a variable with its value", place->node->text);
	error_remedy(err, "NAME=VALUE");
	return cdi_refuse(reader, place, err);
}

static int read_list(const struct cdi_reader *reader, const struct cdi_place *place, char ***texts,
		     cdi_read_fn *read, struct error *err)
{
	size_t count = 0;

	*texts = cdi_new_items(reader, place, sizeof(**texts), err);
	if (!*texts)
		return -1;
	return cdi_read_items(reader, place, *texts, sizeof(**texts), &count, read, err);
}

int cdi_read_texts(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		   struct error *err)
{
	return read_list(reader, place, to, read_item, err);
}

int cdi_read_variables(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		       struct error *err)
{
	return read_list(reader, place, to, read_variable, err);
}

int cdi_check_texts(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		    struct error *err)
{
	char **texts = NULL;
	int result = cdi_read_texts(reader, place, &texts, err);

	(void)to;
	strings_free(texts);
	return result;
}

int cdi_read_path(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		  struct error *err)
{
	const char *text = place->node->text;
	char **path = to;

	if (cdi_expect(reader, place, YAML_TEXT, err) < 0)
		return -1;
	if (!text[0])
		return 0;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127) {
			error_set(err, 0, "a path with a control character, '%s'", text);
			error_remedy(err, "a path without it");
			return cdi_refuse(reader, place, err);
		}
	*path = path_normalise(text);
	if (!*path && errno == ENOMEM)
		return cdi_out_of_memory(reader, err);
	if (*path && strlen(*path) < PATH_MAX)
		return 0;
	if (*path)
		error_set(err, 0, "a path of more than %d characters", PATH_MAX - 1);
	else
		error_set(err, 0, "'%s' is not an absolute path without '..'", text);
	error_remedy(err, "/absolute/path");
	return cdi_refuse(reader, place, err);
}

/* YAML's ways to write one, of which JSON has the first: 438, 0666, 0o666, 0x1b6. */
static bool parse_number(const char *text, uint32_t *number)
{
	const char *digits = "0123456789";
	unsigned long long value;
	int base = 10;

	if (text[0] == '0' && text[1]) {
		base = text[1] == 'x' ? 16 : 8;
		digits = base == 16 ? "0123456789abcdefABCDEF" : "01234567";
		text += text[1] == 'x' || text[1] == 'o' ? 2 : 1;
	}
	if (!text[0] || text[strspn(text, digits)])
		return false;
	errno = 0;
	value = strtoull(text, NULL, base);
	*number = (uint32_t)value;
	return errno == 0 && value <= UINT32_MAX;
}

int cdi_read_number(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		    struct error *err)
{
	if (cdi_expect(reader, place, YAML_TEXT, err) < 0)
		return -1;
	if (parse_number(place->node->text, to))
		return 0;
	error_set(err, 0, "'%s' is not a number from 0 to %u", place->node->text, UINT32_MAX);
	error_remedy(err, "a number without a sign, a point or an exponent");
	return cdi_refuse(reader, place, err);
}

int cdi_check_number(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	uint32_t number;

	(void)to;
	return is_null(place->node) ? 0 : cdi_read_number(reader, place, &number, err);
}

int cdi_check_switch(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off" };

	(void)to;
	if (is_null(place->node))
		return 0;
	if (cdi_expect(reader, place, YAML_TEXT, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(place->node->text, words[i]) == 0)
			return 0;
	return cdi_refuse_word(reader, place, words, 2, err);
}

int cdi_check_annotations(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
			  struct error *err)
{
	(void)to;
	if (cdi_expect(reader, place, YAML_MAP, err) < 0)
		return -1;
	for (const struct yaml_node *node = place->node->children; node; node = node->next) {
		const struct cdi_place at = { .in = place, .node = node, .name = node->key };

		if (node->kind != YAML_NOTHING && cdi_expect(reader, &at, YAML_TEXT, err) < 0)
			return -1;
	}
	return 0;
}
