/* SPDX-License-Identifier: BSD-3-Clause */
/* tree_inner.h - between tree.c and tree_apply.c only. */
#ifndef DAVIT_IMPORT_TREE_INNER_H
#define DAVIT_IMPORT_TREE_INNER_H

#include "images/import/tree.h"

struct node *tree_find(const struct tree *tree, const struct node *parent, const char *name,
		       size_t len);

/* Before `bytes` are kept. Returns 0, or -1 with errno EFBIG: too many. */
int tree_charge(struct tree *tree, size_t bytes);

/* A new directory; NULL with errno set. Paths are bounded, and by that how deep a tree is. */
struct node *tree_add(struct tree *tree, struct node *parent, const char *name, size_t len,
		      uint32_t layer);

/* Makes it a directory that no entry describes. */
void tree_clear_metadata(struct node *node);

/* Takes the node out, and all that is in it. */
void tree_remove(struct tree *tree, struct node *node);
/* Only what is in it, or what it has as something else than a directory. */
void tree_empty(struct tree *tree, struct node *node);
/* Takes out what layers below `layer` have brought. */
void tree_remove_lower(struct tree *tree, struct node *node, uint32_t layer);
void tree_empty_lower(struct tree *tree, struct node *node, uint32_t layer);

/* Has `node`, a directory with nothing in it, be a name of `content`. */
void tree_name(struct node *node, struct content *content);

struct content *tree_new_content(struct tree *tree, uint32_t layer, uint32_t index);

#endif
