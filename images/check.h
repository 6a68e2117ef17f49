/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.h - whether all of a squashfs can be read: each inode, name, attribute and target of a link, and each
 * block of each file.
 *
 * Blocks that are compressed tell of most damage by themselves. A byte that has changed in one that is
 * not, only a seal tells: see verity.h.
 */
#ifndef DAVIT_CHECK_H
#define DAVIT_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "images/image.h"
#include "images/squash.h"

struct check {
	uint64_t files, directories, others; /* that are there, each once */
	uint64_t blocks;                     /* of files, each once */
	uint64_t damaged;                    /* files, directories and others; 0: all is well */
};

/* Checks all of it, with as many threads as there are CPUs. Calls `damaged` for what is damaged, in the calling
 * thread. Returns 0, with what was found in `check`, or -1 with `err` set where something else than damage was in the
 * way. */
int check_squash(struct check *check, struct squash *squash,
		 void (*damaged)(const char *path, const char *what, void *data), void *data,
		 struct error *err);

#endif
