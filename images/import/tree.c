/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.c - see tree.h: names, contents and how they hang together. */
#include "images/import/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "images/import/tree_inner.h"

#define TABLE_FIRST ((size_t)1 << 12)
#define PRIME       (((uint64_t)1 << 31) - 1)

/* The value, at a random point, of the polynomial (modulo the prime 2^31 - 1) that the directory and the
 * name are: whatever names an attacker chooses, few of the points let many of them collide. */
static size_t hash(const struct tree *tree, const struct node *parent, const char *name, size_t len)
{
	uint64_t value = (uintptr_t)parent % PRIME;

	for (size_t i = 0; i < len; i++) {
		value = value * tree->point + (unsigned char)name[i];
		value = (value & PRIME) + (value >> 31);
	}
	return (size_t)(value % PRIME);
}

static struct node **slot(const struct tree *tree, const struct node *parent, const char *name,
			  size_t len)
{
	return &tree->table[hash(tree, parent, name, len) & (tree->table_size - 1)];
}

static int grow_table(struct tree *tree)
{
	size_t old_size = tree->table_size;
	struct node **old = tree->table, **table = calloc(old_size * 2, sizeof(struct node *));

	if (!table)
		return -1;
	tree->table = table;
	tree->table_size = old_size * 2;
	for (size_t i = 0; i < old_size; i++)
		for (struct node *node = old[i], *next; node; node = next) {
			struct node **at = slot(tree, node->parent, node->name, strlen(node->name));

			next = node->chain;
			node->chain = *at;
			*at = node;
		}
	free(old);
	return 0;
}

int tree_charge(struct tree *tree, size_t bytes)
{
	if (bytes > tree->bytes_left) {
		errno = EFBIG;
		return -1;
	}
	tree->bytes_left -= bytes;
	return 0;
}

struct node *tree_find(const struct tree *tree, const struct node *parent, const char *name,
		       size_t len)
{
	struct node *node = *slot(tree, parent, name, len);

	while (node && (node->parent != parent || strncmp(node->name, name, len) != 0 ||
			node->name[len] != '\0'))
		node = node->chain;
	return node;
}

struct node *tree_add(struct tree *tree, struct node *parent, const char *name, size_t len,
		      uint32_t layer)
{
	size_t above = parent && parent->path_size ? parent->path_size + 1u : 0;
	struct node *node, **at;

	if (above + len > TREE_PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (tree_charge(tree, sizeof(*node) + len + 1) < 0 ||
	    (tree->node_count >= tree->table_size && grow_table(tree) < 0))
		return NULL;
	node = calloc(1, sizeof(*node) + len + 1);
	if (!node)
		return NULL;
	memcpy(node->name, name, len);
	node->parent = parent;
	node->layer = layer;
	node->path_size = (uint16_t)(above + len);
	tree_clear_metadata(node);
	at = slot(tree, parent, name, len);
	node->chain = *at;
	*at = node;
	tree->node_count++;
	if (!parent)
		return node;
	node->before = parent->last;
	*(parent->last ? &parent->last->behind : &parent->children) = node;
	parent->last = node;
	return node;
}

void tree_clear_metadata(struct node *node)
{
	archive_entry_free(node->xattrs);
	node->xattrs = NULL;
	node->uid = node->gid = 0;
	node->mtime = 0;
	node->mode = 0755;
}

void tree_name(struct node *node, struct content *content)
{
	struct node *first = content->names;

	tree_clear_metadata(node);
	node->content = content;
	node->next_name = first ? first : node;
	node->previous_name = first ? first->previous_name : node;
	node->previous_name->next_name = node;
	node->next_name->previous_name = node;
	if (!first)
		content->names = node;
}

static void take_name(struct node *node)
{
	struct content *content = node->content;

	if (!content)
		return;
	if (content->names == node)
		content->names = node->next_name == node ? NULL : node->next_name;
	node->previous_name->next_name = node->next_name;
	node->next_name->previous_name = node->previous_name;
	node->content = NULL;
}

void tree_empty(struct tree *tree, struct node *node)
{
	take_name(node);
	while (node->children)
		tree_remove(tree, node->children);
}

void tree_remove(struct tree *tree, struct node *node)
{
	struct node *parent = node->parent, **at;

	tree_empty(tree, node);
	for (at = slot(tree, parent, node->name, strlen(node->name)); *at != node;)
		at = &(*at)->chain;
	*at = node->chain;
	if (parent) {
		*(node->before ? &node->before->behind : &parent->children) = node->behind;
		*(node->behind ? &node->behind->before : &parent->last) = node->before;
	}
	tree->node_count--;
	archive_entry_free(node->xattrs);
	free(node);
}

void tree_empty_lower(struct tree *tree, struct node *node, uint32_t layer)
{
	/* Once is all for a layer: what comes behind is of the layer itself. */
	if (node->emptied == layer)
		return;
	node->emptied = layer;
	for (struct node *child = node->children, *next; child; child = next) {
		next = child->behind;
		tree_remove_lower(tree, child, layer);
	}
}

void tree_remove_lower(struct tree *tree, struct node *node, uint32_t layer)
{
	tree_empty_lower(tree, node, layer);
	if (node->layer >= layer)
		return;
	if (!node->children) {
		tree_remove(tree, node);
		return;
	}
	tree_clear_metadata(node);
}

struct content *tree_new_content(struct tree *tree, uint32_t layer, uint32_t index)
{
	struct content *content;

	if (tree_charge(tree, sizeof(*content) + sizeof(content)) < 0)
		return NULL;
	if (tree->content_count == tree->content_room) {
		size_t room = tree->content_room ? tree->content_room * 2 : 1024;
		struct content **more = reallocarray(tree->contents, room, sizeof(*more));

		if (!more)
			return NULL;
		tree->contents = more;
		tree->content_room = room;
	}
	content = calloc(1, sizeof(*content));
	if (!content)
		return NULL;
	content->layer = layer;
	content->index = index;
	tree->contents[tree->content_count++] = content;
	return content;
}

void tree_path(const struct node *node, char *path)
{
	char *at = path + node->path_size;

	*at = '\0';
	for (; node->parent; node = node->parent) {
		size_t len = strlen(node->name);

		at -= len;
		memcpy(at, node->name, len);
		if (at > path)
			*--at = '/';
	}
}

struct node *tree_next_directory(struct node *node)
{
	struct node *next = node->children;

	for (;;) {
		for (; next; next = next->behind)
			if (!next->content)
				return next;
		if (!node->parent)
			return NULL;
		next = node->behind;
		node = node->parent;
	}
}

int tree_init(struct tree *tree)
{
	uint32_t random;

	*tree = (struct tree){ .table_size = TABLE_FIRST, .bytes_left = TREE_BYTES_MAX };
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -1;
	tree->point = 256 + random % (PRIME - 256);
	tree->table = calloc(TABLE_FIRST, sizeof(struct node *));
	if (tree->table)
		tree->root = tree_add(tree, NULL, "", 0, 0);
	return tree->root ? 0 : -1;
}

void tree_done(struct tree *tree)
{
	if (tree->root)
		tree_remove(tree, tree->root);
	for (size_t i = 0; i < tree->content_count; i++) {
		free(tree->contents[i]->target);
		free(tree->contents[i]);
	}
	free(tree->contents);
	free(tree->table);
	*tree = (struct tree){ .root = NULL };
}
