/* SPDX-License-Identifier: BSD-3-Clause */
/* locale.h - which locales an image has. */
#ifndef DAVIT_LOCALE_H
#define DAVIT_LOCALE_H

#include <stdbool.h>

/* Can programs of the image with the root directory `root` use the locale `name`, as LANG and LC_*
 * give it? "C", "POSIX" and "C.UTF-8" need nothing, and musl takes any. */
bool locale_exists(int root, const char *name);

#endif
