/* SPDX-License-Identifier: BSD-3-Clause */
/* filter.h - the filter of system calls that a rank gets, where it needs one. */
#ifndef DAVIT_FILTER_H
#define DAVIT_FILTER_H

#include <stdbool.h>

#include "common/error.h"

/* Installs a filter in this process, for good and for all that it starts, if there is a reason:
 * with `fake_root` the calls of fakeroot.h are pretended, and where the process has a terminal,
 * nothing can be typed into that on the user's behalf (TIOCSTI). Needs no_new_privs. Returns 0, or -1
 * with `err` set. */
int filter_install(bool fake_root, struct error *err);

#endif
