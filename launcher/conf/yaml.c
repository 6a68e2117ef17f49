/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yaml.c - see yaml.h. libyaml's events, turned into a tree by recursive descent; its messages, which
 * are those of a grammar, turned into what the writer of the file did wrong.
 */
#include "launcher/conf/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/fd.h"

#define DEPTH_MAX 8
#define NODES_MAX 10000 /* doubled keys are found by comparing each with each */

struct reader {
	yaml_parser_t parser;
	const char *file, *text;
	size_t len, nodes;
};

static int refuse(struct reader *r, size_t line, struct error *err)
{
	return error_wrap(err, "%s:%zu", r->file, line);
}

/* libyaml's words, and better ones. */
static const struct {
	const char *problem, *cause, *remedy;
} problems[] = {
	{ "found character that cannot start any token", "a value cannot begin with this character",
	  "put the value in quotes" },
	{ "mapping values are not allowed in this context", "a ':' where no key can be",
	  "the indentation of this line and the one above it; quotes around a value with ': ' in it" },
	{ "could not find expected ':'", "a key without ':'", "KEY: VALUE" },
	{ "did not find expected key", "neither a key nor the end of the map",
	  "the same indentation for all keys of a map" },
	{ "did not find expected '-' indicator", "neither an entry nor the end of the list",
	  "the same indentation for all entries of a list, each with '- ' in front" },
	{ "did not find expected ',' or ']'", "a list that does not end", "']'" },
	{ "did not find expected ',' or '}'", "a map that does not end", "'}'" },
	{ "found unexpected end of stream", "a quoted value that does not end", "a closing quote" },
	{ "did not find expected <document start>", "text behind the end of the document",
	  "one document in a file" },
	{ "block sequence entries are not allowed in this context", "a list where none can be",
	  "each entry on a line of its own" },
};

/* Where the parser stopped, a tab is the likeliest reason of all. */
static bool is_tab_at(const struct reader *r, const yaml_mark_t *mark)
{
	return mark->index < r->len && r->text[mark->index] == '\t';
}

static size_t line_at(const struct reader *r, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < r->len; i++)
		line += r->text[i] == '\n';
	return line;
}

static int refuse_syntax(struct reader *r, struct error *err)
{
	const yaml_parser_t *p = &r->parser;
	size_t line = p->problem_mark.line + 1;

	if (p->error == YAML_MEMORY_ERROR)
		return error_set(err, ENOMEM, "cannot read '%s'", r->file);
	if (p->error == YAML_READER_ERROR) {
		line = line_at(r, p->problem_offset);
		error_set(err, 0, "byte 0x%02x is no part of a text in UTF-8",
			  p->problem_offset < r->len ? (unsigned char)r->text[p->problem_offset]
						     : 0u);
		error_remedy(err, "save the file as UTF-8, without control characters");
		return refuse(r, line, err);
	}
	if (is_tab_at(r, &p->problem_mark)) {
		error_set(err, 0, "a tab where YAML takes spaces only");
		error_remedy(err, "spaces");
		return refuse(r, line, err);
	}
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (p->problem && strcmp(p->problem, problems[i].problem) == 0) {
			error_set(err, 0, "%s", problems[i].cause);
			error_remedy(err, "%s", problems[i].remedy);
			return refuse(r, line, err);
		}
	error_set(err, 0, "this is no YAML: %s", p->problem ? p->problem : "unknown error");
	error_remedy(err, "the syntax in davit.conf(5)");
	return refuse(r, line, err);
}

static int next_event(struct reader *r, yaml_event_t *event, struct error *err)
{
	return yaml_parser_parse(&r->parser, event) ? 0 : refuse_syntax(r, err);
}

static struct yaml_node *add_node(struct reader *r, struct yaml_node ***end, size_t line,
				  struct error *err)
{
	struct yaml_node *node;

	if (r->nodes++ >= NODES_MAX) {
		error_set(err, 0, "more than %d entries", NODES_MAX);
		refuse(r, line, err);
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (!node) {
		error_set(err, ENOMEM, "cannot read '%s'", r->file);
		return NULL;
	}
	node->line = line;
	**end = node;
	*end = &node->next;
	return node;
}

static int refuse_feature(struct reader *r, size_t line, const char *what, const char *remedy,
			  struct error *err)
{
	error_set(err, 0, "%s", what);
	error_remedy(err, "%s", remedy);
	return refuse(r, line, err);
}

/* Anchors and tags can stand at every node. */
static int check_plain(struct reader *r, const yaml_event_t *event, struct error *err)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	size_t line = event->start_mark.line + 1;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor || event->type == YAML_ALIAS_EVENT)
		return refuse_feature(r, line, "anchors and aliases are not taken ('&', '*')",
				      "write it out, or in quotes if it is text", err);
	if (tag)
		return refuse_feature(r, line, "tags are not taken ('!')",
				      "leave it out, or put it in quotes if it is text", err);
	return 0;
}

static int take_text(struct reader *r, const yaml_event_t *event, char **text, struct error *err)
{
	const char *value = (const char *)event->data.scalar.value;

	if (strlen(value) != event->data.scalar.length)
		return refuse_feature(r, event->start_mark.line + 1, "a NUL byte in a text",
				      "leave it out", err);
	*text = strdup(value);
	return *text ? 0 : error_set(err, ENOMEM, "cannot read '%s'", r->file);
}

static int fill_node(struct reader *r, struct yaml_node *node, const yaml_event_t *event,
		     size_t depth, struct error *err);

/* Reads one child with the event that it begins with. */
static int add_child(struct reader *r, struct yaml_node ***end, char *key, size_t line,
		     size_t depth, yaml_event_t *event, struct error *err)
{
	struct yaml_node *node = add_node(r, end, line, err);

	if (!node) {
		free(key);
		return -1;
	}
	node->key = key;
	return fill_node(r, node, event, depth, err);
}

static int fill_list(struct reader *r, struct yaml_node *list, size_t depth, struct error *err)
{
	struct yaml_node **end = &list->children;

	for (;;) {
		yaml_event_t event;
		int result;

		if (next_event(r, &event, err) < 0)
			return -1;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		result = add_child(r, &end, NULL, event.start_mark.line + 1, depth, &event, err);
		yaml_event_delete(&event);
		if (result < 0)
			return -1;
	}
}

/* The key that an event holds, if it may be one in this map. */
static int take_key(struct reader *r, const struct yaml_node *map, const yaml_event_t *event,
		    char **key, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t line = event->start_mark.line + 1;
	const struct yaml_node *earlier;

	if (check_plain(r, event, err) < 0)
		return -1;
	if (event->type != YAML_SCALAR_EVENT)
		return refuse_feature(r, line, "a key that is no text", "KEY: VALUE", err);
	if (take_text(r, event, &text, err) < 0 || !text)
		return -1;
	earlier = yaml_tree_find(map, text);
	if (earlier) {
		error_set(err, 0, "'%s' for the second time, after line %zu", text, earlier->line);
		error_remedy(err, "one of the two");
		return refuse(r, line, err);
	}
	*key = steal_ptr(&text);
	return 0;
}

static int fill_map(struct reader *r, struct yaml_node *map, size_t depth, struct error *err)
{
	struct yaml_node **end = &map->children;

	for (;;) {
		yaml_event_t event;
		size_t line;
		char *key = NULL;
		int result;

		if (next_event(r, &event, err) < 0)
			return -1;
		line = event.start_mark.line + 1;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		result = take_key(r, map, &event, &key, err);
		yaml_event_delete(&event);
		if (result < 0)
			return -1;
		if (next_event(r, &event, err) < 0) {
			free(key);
			return -1;
		}
		result = add_child(r, &end, key, line, depth, &event, err);
		yaml_event_delete(&event);
		if (result < 0)
			return -1;
	}
}

static int fill_node(struct reader *r, struct yaml_node *node, const yaml_event_t *event,
		     size_t depth, struct error *err)
{
	if (check_plain(r, event, err) < 0)
		return -1;
	if (event->type == YAML_SCALAR_EVENT) {
		if (event->data.scalar.length == 0 &&
		    event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
			return 0;
		node->kind = YAML_TEXT;
		return take_text(r, event, &node->text, err);
	}
	if (depth >= DEPTH_MAX) {
		error_set(err, 0, "more than %d lists and maps in each other", DEPTH_MAX);
		return refuse(r, event->start_mark.line + 1, err);
	}
	node->kind = event->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST : YAML_MAP;
	return node->kind == YAML_LIST ? fill_list(r, node, depth + 1, err)
				       : fill_map(r, node, depth + 1, err);
}

/* Takes the one event that has to come now, for the start and the end of things. */
static int expect(struct reader *r, yaml_event_type_t type, struct error *err)
{
	yaml_event_t event;
	size_t line;
	bool fits;

	if (next_event(r, &event, err) < 0)
		return -1;
	line = event.start_mark.line + 1;
	fits = event.type == type;
	yaml_event_delete(&event);
	return fits ? 0
		    : refuse_feature(r, line, "more than one document", "one document in a file",
				     err);
}

static int read_document(struct reader *r, struct yaml_node *root, struct error *err)
{
	yaml_event_t event;
	int result = 0;

	if (expect(r, YAML_STREAM_START_EVENT, err) < 0 || next_event(r, &event, err) < 0)
		return -1;
	if (event.type == YAML_STREAM_END_EVENT) {
		yaml_event_delete(&event);
		return 0;
	}
	yaml_event_delete(&event); /* the start of the document */
	if (next_event(r, &event, err) < 0)
		return -1;
	root->line = event.start_mark.line + 1;
	result = fill_node(r, root, &event, 0, err);
	yaml_event_delete(&event);
	if (result < 0 || expect(r, YAML_DOCUMENT_END_EVENT, err) < 0)
		return -1;
	return expect(r, YAML_STREAM_END_EVENT, err);
}

static int read_text(struct reader *r, struct yaml_node *root, struct error *err)
{
	const char *nul;

	if (r->len > YAML_SIZE_MAX)
		return error_set(err, EFBIG, "cannot read '%s'", r->file);
	nul = memchr(r->text, '\0', r->len);
	if (nul) {
		size_t line = line_at(r, (size_t)(nul - r->text));

		return refuse_feature(r, line, "a NUL byte", "a text file", err);
	}
	if (read_document(r, root, err) < 0)
		return -1;
	if (root->kind == YAML_NOTHING)
		root->kind = YAML_MAP;
	if (root->kind != YAML_MAP)
		return refuse_feature(r, root->line, "the file is not a map", "KEY: VALUE", err);
	return 0;
}

struct yaml_node *yaml_tree_parse(const char *file, const char *text, size_t len, struct error *err)
{
	struct reader r = { .file = file, .text = text, .len = len };
	struct yaml_node *root = calloc(1, sizeof(*root));
	int result;

	if (!root || !yaml_parser_initialize(&r.parser)) {
		free(root);
		error_set(err, ENOMEM, "cannot read '%s'", file);
		return NULL;
	}
	root->kind = YAML_NOTHING;
	root->line = 1;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	result = read_text(&r, root, err);
	yaml_parser_delete(&r.parser);
	if (result == 0)
		return root;
	yaml_tree_free(root);
	return NULL;
}

void yaml_tree_free(struct yaml_node *node)
{
	while (node) {
		struct yaml_node *next = node->next;

		yaml_tree_free(node->children);
		free(node->key);
		free(node->text);
		free(node);
		node = next;
	}
}

const struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *key)
{
	for (const struct yaml_node *node = map->children; node; node = node->next)
		if (node->key && strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
	static const char *const names[] = { [YAML_NOTHING] = "nothing",
					     [YAML_TEXT] = "text",
					     [YAML_LIST] = "a list",
					     [YAML_MAP] = "a map" };

	return names[kind];
}
