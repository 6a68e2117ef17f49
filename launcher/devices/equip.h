/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * equip.h - what a container with devices needs besides mounts: libraries that the loader finds.
 *
 * A driver's libraries are in EQUIP_DIRECTORY, below Davit's own /dev, and in an ld.so.cache made anew
 * in memory, where they come in place of the image's of the same soname. So nothing of the image
 * changes, and nothing is left in one that is saved but what was made to mount on.
 */
#ifndef DAVIT_DEVICES_EQUIP_H
#define DAVIT_DEVICES_EQUIP_H

#include "common/error.h"
#include "launcher/devices/grant.h"
#include "launcher/root.h"

#define EQUIP_DIRECTORY "/dev/davit-gpu"

/* To be called when all mounts of the grant are there and /dev is not yet sealed. Where libraries have no
 * place, since something of the user's is mounted there, a note says so. Returns 0, or -1 with `err`
 * set. */
int equip(const struct grant *grant, struct root *root, struct notes *notes, struct error *err);

#endif
