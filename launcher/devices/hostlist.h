/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostlist.h - lists of names as Slurm writes them: "a,b[1-3,07],rack[0-1]n[02-11]".
 *
 * Words that are none are passed over: Slurm has read them before.
 */
#ifndef DAVIT_DEVICES_HOSTLIST_H
#define DAVIT_DEVICES_HOSTLIST_H

#include <stdbool.h>

#include "common/error.h"
#include "launcher/devices/sysfs.h"

/* Is `name` in the list? */
bool hostlist_has(const char *list, const char *name);

/* Adds all names of the list, in Slurm's order. Returns 0, or -1 with `err` set when out of
 * memory. */
int hostlist_expand(struct names *names, const char *list, struct error *err);

#endif
