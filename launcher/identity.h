/* SPDX-License-Identifier: BSD-3-Clause */
/* identity.h - files in /etc that tell who the user is and where the node lives. */
#ifndef DAVIT_IDENTITY_H
#define DAVIT_IDENTITY_H

#include <stdbool.h>

#include "launcher/root.h"

/* /etc/passwd and /etc/group: those of the image with the user and the user's groups added where
 * they are missing, as the node's name service knows them; root, if that is what the user is here.
 * Files with nothing to add stay the image's. With `in_place` the container's own files are written
 * and nothing is mounted on them: programs like useradd(8) replace these files by rename(2), which
 * a mount point refuses. For containers that may be written, of a user who is root there.
 * /etc/hosts and /etc/resolv.conf: the node's. /etc/nsswitch.conf: the image's; where it has none,
 * files before DNS. */
int identity_mount(struct root *root, bool in_place, struct error *err);

#endif
