/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quote.h - names of files as a terminal and a shell can take them.
 *
 * As ls(1) and find(1) of GNU have them ("shell-escape"): a name that a shell would not take as it is gets
 * quotes, and what a terminal would take for an order is written as in $'\033'. Of UTF-8, letters and signs
 * are left; what is none, control characters, and those that turn the direction of writing, are not.
 */
#ifndef DAVIT_QUOTE_H
#define DAVIT_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A fresh string, or NULL when out of memory. */
char *quote_name(const char *name);

/* Reads one character of UTF-8, which is not at the end of `text`. Returns how many bytes it has, 0 where there
 * is none; *is_shown says whether a terminal may have it as it is. */
size_t quote_decode(const char *text, uint32_t *point, bool *is_shown);

#endif
