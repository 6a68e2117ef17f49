/* SPDX-License-Identifier: BSD-3-Clause */
/* userns.h - the user namespace of a step, made by root for the user. */
#ifndef DAVIT_PLUGIN_USERNS_H
#define DAVIT_PLUGIN_USERNS_H

#include <sys/types.h>

#include "common/error.h"

/* Creates a user namespace that belongs to `uid`, in which exist that user, the group `gid` and the
 * `count` groups in `groups`, each under its own number, and nobody else. (The kernel takes one
 * page of mappings; of some hundred scattered groups the last are left out.) Returns a descriptor
 * that survives exec, or -1 with `err` set. */
int userns_create(uid_t uid, gid_t gid, const gid_t *groups, int count, struct error *err);

#endif
