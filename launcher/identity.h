/* SPDX-License-Identifier: BSD-3-Clause */
/* identity.h - files in /etc that tell who the user is and where the node lives. */
#ifndef DAVIT_IDENTITY_H
#define DAVIT_IDENTITY_H

#include "launcher/root.h"

/* /etc/passwd and /etc/group: those of the image with the user and the user's groups added where
 * they are missing, as the node's name service knows them. /etc/hosts and /etc/resolv.conf: the
 * node's. /etc/nsswitch.conf: the image's; where it has none, files before DNS. */
int identity_mount(struct root *root, struct error *err);

#endif
