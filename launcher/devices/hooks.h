/* SPDX-License-Identifier: BSD-3-Clause */
/* hooks.h - programs of CDI specifications that the site lets run. */
#ifndef DAVIT_DEVICES_HOOKS_H
#define DAVIT_DEVICES_HOOKS_H

#include "common/error.h"
#include "launcher/devices/grant.h"
#include "launcher/root.h"

/* Runs them as the user with all rights of the container's user namespace, one after the other, where "/" is still the node's: they get the container's
 * state on standard input, as runtimes of the OCI give it, whose bundle names the root directory.
 * Returns 0, or -1 with `err` set: one has failed, or has taken too long. */
int hooks_run(const struct grant *grant, struct root *root, struct error *err);

#endif
