/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * save.h - writing a container to a new image (--container-save).
 *
 * A process on the node's side waits until the last rank's command has ended and has mksquashfs(1)
 * write the container's root, without anything that is mounted in it. The new image appears under
 * its name when it is whole.
 */
#ifndef DAVIT_SAVE_H
#define DAVIT_SAVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

struct save {
	int control; /* to the saver */
	bool waits; /* nothing is saved without save_confirm(), nor when the caller ends meanwhile */
	bool keeps; /* a file of that name that has come meanwhile stays, and there is no other */
	bool is_quick, is_quiet; /* without compression; without progress on a terminal */
};

#define SAVE_INIT             \
	{                     \
		.control = -1 \
	}

/* Starts the saver, in the container's user namespace but before its mount namespace; `name` is as
 * the user gave it. Refuses what cannot be written. Returns 0, or -1 with `err` set. */
int save_start(struct save *save, const char *name, struct error *err);

/* Hands the saver the root and the reading end of the lifeline, which every rank's guard holds the
 * other end of. When all have let go, what else is in the calling process's mount namespace is killed
 * before anything is saved. */
int save_set_root(const struct save *save, int root, int lifeline, struct error *err);

/* For a guard, when its command has ended: lets go of `lifeline` and waits for the saver, which tells
 * the user itself what goes wrong. Returns the exit code for the process. */
int save_finish(struct save *save, int lifeline);

/* The same where the saver waits for it. */
int save_confirm(struct save *save, int lifeline);

/* Kills all processes in the mount namespace of inode `inside` but `spared`. Returns 0, or -1 with `err`
 * set where they do not end. */
int save_end_others(ino_t inside, pid_t spared, struct error *err);

#endif
