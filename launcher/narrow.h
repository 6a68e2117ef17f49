/* SPDX-License-Identifier: BSD-3-Clause */
/* narrow.h - giving up every privilege that a user namespace gave. */
#ifndef DAVIT_NARROW_H
#define DAVIT_NARROW_H

#include "common/error.h"

/* Sets no_new_privs and empties the bounding, ambient, inheritable, permitted and effective
 * capability sets, for good. Returns 0, or -1 with `err` set, and then the process must end. */
int narrow(struct error *err);

#endif
