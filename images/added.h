/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * added.h - the mount points that an image lacks.
 *
 * A host directory can only be mounted on something that exists. While a container is being built,
 * the image server lets the builder mkdir(2) and mknod(2) in the image: the new directories and
 * empty files live here, in the server's memory, beside the image's own. Then the file system is
 * made read-only and the table is final. So the image's own files are served as before, with no
 * overlay in front of them.
 *
 * All functions may be called from several threads.
 */
#ifndef DAVIT_ADDED_H
#define DAVIT_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ADDED_MAX 4096 /* nodes in one table */

struct added; /* one table */

/* Returns NULL when out of memory. */
struct added *added_new(void);
void added_free(struct added *added);

/* Is `node` one that added_create made? True for no node of an image. */
bool added_is(uint64_t node);

/* Adds `name` (copied) to the directory `parent`, which may be a node of the image or an added one.
 * `mode` is S_IFDIR or S_IFREG and permission bits. Returns 0 and the node, or an errno: EEXIST,
 * ENOSPC (table full), ENOMEM. */
int added_create(struct added *added, uint64_t parent, const char *name, mode_t mode,
		 uint64_t *node);

/* Finds `name` in `parent`. Returns 0 and the node, or ENOENT. */
int added_lookup(struct added *added, uint64_t parent, const char *name, uint64_t *node);

/* The mode that `node` was created with, 0 if there is no such node. */
mode_t added_mode(struct added *added, uint64_t node);

/* The directory that `node`, which exists, is in. */
uint64_t added_parent(struct added *added, uint64_t node);

/* Walks the children of `parent`: starts with *cursor 0 and returns their names (which live as long
 * as the table) one by one, NULL at the end. *cursor is then just behind the child. */
const char *added_next(struct added *added, uint64_t parent, size_t *cursor, uint64_t *node);

#endif
