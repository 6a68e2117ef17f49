/* SPDX-License-Identifier: BSD-3-Clause */
/* choose.h - which copy of an image is used, and what it is called: no system calls here. */
#ifndef DAVIT_STAGE_CHOOSE_H
#define DAVIT_STAGE_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/settings.h"

#define STAGE_SMALL ((uint64_t)64 << 20) /* auto leaves what has less, */
#define STAGE_NODES 4                    /* and steps on fewer nodes */

struct stage_facts {
	bool is_directory;
	bool is_local;         /* the image lies on a file system of this node alone */
	uint64_t size;         /* of its file, in bytes */
	unsigned int nodes;    /* of the step */
	uint64_t memory, disk; /* bytes that a copy could take */
};

/* What `auto` stands for: never STAGE_AUTO. */
enum stage_choice stage_choose(const struct stage_facts *facts);

#define STAGE_KEY_MAX 160

/* What the copy of an image is called, the same on all nodes: by `digest`, which each read of the copy is
 * checked against, or where that is "" by all that would tell another file or another version of it.
 * st_dev is not among that, since each node numbers its mounts itself; `path` is, since otherwise somebody
 * else's file system could pretend to have the file. */
void stage_key(char key[STAGE_KEY_MAX], const char *digest, const char *path,
	       const struct stat *st);

/* Are all nodes of the list `nodes` in `others`, both as Slurm writes them? */
bool stage_nodes_among(const char *nodes, const char *others);

#endif
