/* SPDX-License-Identifier: BSD-3-Clause */
/* narrow.h - giving up the privileges that a user namespace gave. */
#ifndef DAVIT_NARROW_H
#define DAVIT_NARROW_H

#include <stdbool.h>

#include "common/error.h"

enum narrow_to {
	NARROW_USER,   /* no capability at all */
	NARROW_HELPER, /* no use of any: a process beside the container, out of its reach */
	NARROW_ROOT,   /* what root may do with the user's own files and processes */
};

/* Sets no_new_privs and empties the ambient and inheritable capability sets, and the bounding,
 * permitted and effective ones but for what `to` leaves, for good. Returns 0, or -1 with `err` set,
 * and then the process must end. */
int narrow(enum narrow_to to, struct error *err);

/* Does `to` leave the use of the capability of that name (CAP_...)? */
bool narrow_keeps(enum narrow_to to, const char *name);

/* Hides this process from those of its user, until the next execve(2): its program, memory and files in
 * /proc, and from ptrace. Only root of the node sees them. Returns 0, or -1 with `err` set. */
int narrow_hide(struct error *err);

#endif
