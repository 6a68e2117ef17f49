/* SPDX-License-Identifier: BSD-3-Clause */
/* scripts.h - what the shell scripts of an image make of the environment. */
#ifndef DAVIT_SCRIPTS_H
#define DAVIT_SCRIPTS_H

#include <stdbool.h>

#include "common/error.h"
#include "launcher/security/filter.h"

/* Sources `dir`/?*.sh in one /bin/sh, with the environment `env`, without privilege and with the
 * filter of system calls. Returns the environment as it is then, in one block to be freed by the
 * caller. What they print goes to standard error if `is_shown`, else nowhere. The scripts, and that
 * shell, may be hostile: they are ended after 10 seconds, and the result has at most 2 MiB. NULL with
 * `err` set on failure. */
char **scripts_source(const char *dir, char *const *env, bool is_shown, const struct filter *filter,
		      struct error *err);

#endif
