/* SPDX-License-Identifier: BSD-3-Clause */
/* nearest.h - the known word that a wrong one was meant to be. */
#ifndef DAVIT_NEAREST_H
#define DAVIT_NEAREST_H

#include <stddef.h>

/* How many characters have to be changed, put in or left out to make `b` of `a`; words of more than
 * 63 characters are as far as they are long. */
size_t word_distance(const char *a, const char *b);

/* The one of `count` words that `word` is nearest to, or NULL where none is near enough to be what
 * was meant. */
const char *word_nearest(const char *word, const char *const *words, size_t count);

#endif
