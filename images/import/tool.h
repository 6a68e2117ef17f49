/* SPDX-License-Identifier: BSD-3-Clause */
/* tool.h - mksquashfs: where it is, and as a child of pack.c, which see. */
#ifndef DAVIT_IMPORT_TOOL_H
#define DAVIT_IMPORT_TOOL_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

struct pack_options;

struct tool {
	int input;    /* a tar, or -1: all that is below ... */
	int dir;      /* ... this directory */
	int file;     /* to be written */
	int messages; /* its own: what the tool writes to standard error */
	pid_t pid;    /* 0: it does not run */
};

#define TOOL_INIT                                                            \
	{                                                                    \
		.input = -1, .dir = -1, .file = -1, .messages = -1, .pid = 0 \
	}

/* The path of mksquashfs on this node; NULL with `err` set. The version that it must have is told, not checked. */
const char *tool_find(bool reads_tar, struct error *err);

/* It dies with the thread that has started it. Returns 0, or -1 with `err` set. */
int tool_start(struct tool *tool, const struct pack_options *options, struct error *err);

/* Returns 0, or -1 with `err` set to what it has said. */
int tool_wait(struct tool *tool, struct error *err);

/* Forgets messages, where they are more than can be of use: there is one for each entry of some kinds.
 * Returns 0, or -1 with `err` set. */
int tool_trim(const struct tool *tool, struct error *err);

/* Kills it where it still runs. */
void tool_done(struct tool *tool);

#endif
