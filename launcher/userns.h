/* SPDX-License-Identifier: BSD-3-Clause */
/* userns.h - the launcher's way into a user namespace. */
#ifndef DAVIT_USERNS_H
#define DAVIT_USERNS_H

#include <stdbool.h>

#include "common/error.h"

struct userns_request {
	int fd;          /* made by the plugin with all of the user's groups, or -1 */
	bool remap_root; /* the user and the primary group are root's inside */
	bool subids;     /* with remap_root: and there are others, those of /etc/subuid */
};

/* Enters a user namespace. The caller has all capabilities in it then.
 *
 * As oneself: `fd`, or where that is -1 or out of reach (Slurm itself may have put the job into
 * another one), a new one with only the caller's own user and primary group in it.
 * With remap_root: a new one inside that, where 0 stands for the user and the primary group, and
 * each other group for itself.
 * With subids: a new one with the user as 0 and the user's subordinate ids from 1 on. Other groups
 * still open files, but have no number in there.
 *
 * Returns 0, or -1 with `err` set, and then the process must end. */
int userns_enter(const struct userns_request *request, struct error *err);

#endif
