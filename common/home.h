/* SPDX-License-Identifier: BSD-3-Clause */
/* home.h - "~" in paths, which no shell replaces behind "--container=". */
#ifndef DAVIT_HOME_H
#define DAVIT_HOME_H

#include "common/error.h"

/* Returns `path`, with $HOME in place of a leading "~" that is all of it or stands before a '/'; to be
 * freed by the caller. NULL with `err` set when there is no such directory or no memory. */
char *home_expand(const char *path, struct error *err);

#endif
