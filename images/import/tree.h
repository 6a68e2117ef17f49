/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tree.h - the file tree that layers come to, in memory: names and where their contents are.
 *
 * Layers are applied from the lowest on, entry by entry, as the OCI's image-spec (layer.md) has it:
 *	.wh.NAME removes what lower layers have as NAME, .wh..wh..opq all that they have in that
 *		directory; other names that begin with ".wh..wh." are those of aufs, and are left out
 *	the last entry of a name counts; a directory over a directory keeps what is in it, all else
 *		takes the place of what is there, with all that is in it
 *	a directory that no entry has is made, with mode 0755
 *	symbolic links above an entry lead on within the tree, as they do for who unpacks in a chroot;
 *		what is above an entry and neither that nor a directory is an error
 *	".." in a name is an error; a leading "/" is taken away
 *	a hard link shares what its target is now, whatever becomes of that name later
 *	devices, FIFOs and sockets are left out, and counted
 * Nothing of it is on disk, so no name can lead anywhere.
 */
#ifndef DAVIT_IMPORT_TREE_H
#define DAVIT_IMPORT_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/error.h"
#include "images/import/libarchive.h"

#define TREE_ENTRIES_MAX ((uint64_t)8 << 20) /* of all layers */
#define TREE_PATH_MAX    ((size_t)4095)      /* bytes */
#define TREE_BYTES_MAX   ((uint64_t)2 << 30) /* of memory, for names and what goes with them */
#define TREE_FILE_MAX    ((int64_t)1 << 40)  /* bytes of a file */

struct node;

/* What an entry brought, once, whatever names it has. */
struct content {
	uint32_t layer, index; /* the entry: which of the layer's, both from 0 */
	bool is_regular;
	char *target;       /* of a symbolic link, or NULL */
	struct node *names; /* NULL: none is left */
};

/* A name in a directory. */
struct node {
	struct node *parent;                    /* NULL: the root */
	struct node *children, *last;           /* in the order in which they came */
	struct node *before, *behind;           /* in the parent */
	struct node *chain;                     /* in the table of all names */
	struct node *next_name, *previous_name; /* of `content`, in a ring */
	struct content *content;                /* NULL: it is a directory */
	struct archive_entry *xattrs;           /* of a directory that has some, or NULL */
	int64_t uid, gid;                       /* of a directory, as all here */
	time_t mtime;
	mode_t mode;        /* without the type */
	uint32_t layer;     /* the last that had it */
	uint32_t emptied;   /* the last that took out what lower ones have in it, 0: none */
	uint16_t path_size; /* bytes, without a leading "/" */
	char name[];
};

struct tree {
	struct node *root;
	struct node **table;
	size_t table_size, node_count;
	uint64_t point;      /* of this tree's hash, see tree.c: order comes of nothing in it */
	uint64_t bytes_left; /* of TREE_BYTES_MAX; what is taken out does not come back */
	struct content **contents; /* by layer and index */
	size_t content_count, content_room;
	uint64_t entry_count, left_out;
	time_t newest; /* of all times of entries, 0 and more */
};

/* Returns 0, or -1 without memory, or random numbers. */
int tree_init(struct tree *tree);
void tree_done(struct tree *tree);

/* Applies an entry. `is_layer`: names with ".wh." mean something. Returns 0, or -1 with `err` set. */
int tree_apply(struct tree *tree, uint32_t layer, uint32_t index, bool is_layer,
	       struct archive_entry *entry, struct error *err);

/* Removes what `path` is, and makes sure that directories are above it; no link is followed, but
 * replaced. Returns 0, or -1 with `err` set. */
int tree_make_room(struct tree *tree, const char *path, struct error *err);

/* Writes the node's path without a leading "/", of up to TREE_PATH_MAX + 1 bytes; "" for the root. */
void tree_path(const struct node *node, char *path);

/* The directory behind `node` (the root at first), each behind the one that it is in; NULL at the end. */
struct node *tree_next_directory(struct node *node);

#endif
