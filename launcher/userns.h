/* SPDX-License-Identifier: BSD-3-Clause */
/* userns.h - the launcher's way into a user namespace. */
#ifndef DAVIT_USERNS_H
#define DAVIT_USERNS_H

#include "common/error.h"

/* Enters the namespace `fd`, made by the plugin with all of the user's groups. Where that is -1 or
 * out of reach (Slurm itself may have put the job into another one), makes a namespace with only
 * the caller's own user and primary group in it. The caller has all capabilities in it then.
 * Returns 0, or -1 with `err` set. */
int userns_enter(int fd, struct error *err);

#endif
