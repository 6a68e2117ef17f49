/* SPDX-License-Identifier: BSD-3-Clause */
/* owndir.h - directories of the user's in places where everybody may create some. */
#ifndef DAVIT_OWNDIR_H
#define DAVIT_OWNDIR_H

#include "common/error.h"

/* Opens the user's directory `name` in `parent`, made with mode 0700 if it is missing. Refuses a symbolic
 * link, what belongs to somebody else, and what others may write to. Returns it, or -1 with `err` set. */
int owndir_open(int parent, const char *name, struct error *err);

#endif
