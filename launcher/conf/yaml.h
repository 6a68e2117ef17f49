/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yaml.h - a YAML text as a small tree.
 *
 * Only what a configuration needs: one document of maps, lists and text. Every scalar is text; who
 * reads the tree knows what it should be, so `no` is never anything but what the reader makes of it.
 * Anchors and aliases (a few lines of them grow to gigabytes), tags, doubled keys, deep nesting and
 * NUL bytes are refused.
 *
 * libyaml has functions yaml_NAME of its own, even ones that it does not declare.
 */
#ifndef DAVIT_YAML_H
#define DAVIT_YAML_H

#include <stddef.h>

#include "common/error.h"

#define YAML_SIZE_MAX (1u << 20)

enum yaml_kind {
	YAML_NOTHING, /* `key:` with nothing behind it */
	YAML_TEXT,
	YAML_LIST,
	YAML_MAP
};

struct yaml_node {
	enum yaml_kind kind;
	size_t line; /* from 1; that of the key where there is one */
	char *key;   /* in a map, else NULL */
	char *text;  /* of YAML_TEXT, else NULL */
	struct yaml_node *children, *next;
};

/* Parses `len` bytes. The result is a map, an empty one for an empty document; yaml_tree_free releases
 * it. `file` is for messages: "FILE:LINE: cause". Returns NULL with `err` set on failure. */
struct yaml_node *yaml_tree_parse(const char *file, const char *text, size_t len,
				  struct error *err);
void yaml_tree_free(struct yaml_node *node);

/* The child of a map with this key, or NULL. */
const struct yaml_node *yaml_tree_find(const struct yaml_node *map, const char *key);

/* What a kind is called: "text", "a list", ... */
const char *yaml_kind_name(enum yaml_kind kind);

#endif
