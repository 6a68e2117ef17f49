/* SPDX-License-Identifier: BSD-3-Clause */
/* command.h - becoming the application. */
#ifndef DAVIT_COMMAND_H
#define DAVIT_COMMAND_H

#include "common/error.h"
#include "launcher/narrow.h"
#include "launcher/security/filter.h"

/* Changes to `workdir`, gives up all privileges to `narrow_to`, loads `filter` and executes argv[0] with the process's
 * environment, searched for in $PATH of the container unless it has a '/'. Returns only on failure:
 * -1 with `err` set, its code EXIT_NOT_FOUND, EXIT_NOT_EXEC or EXIT_SETUP. */
int command_exec(char **argv, const char *workdir, enum narrow_to narrow_to,
		 const struct filter *filter, struct error *err);

#endif
