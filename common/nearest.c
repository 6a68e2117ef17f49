/* SPDX-License-Identifier: BSD-3-Clause */
/* nearest.c - see nearest.h. Levenshtein's distance, with two rows. */
#include "common/nearest.h"

#include <string.h>

#define WORD_MAX 64

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

size_t word_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX], len_a = strlen(a), len_b = strlen(b);

	if (len_a >= WORD_MAX || len_b >= WORD_MAX)
		return len_a > len_b ? len_a : len_b;
	for (size_t j = 0; j <= len_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[len_b];
}

const char *word_nearest(const char *word, const char *const *words, size_t count)
{
	const char *best = NULL;
	size_t least_distance = strlen(word) / 3 + 2; /* more is no slip of the finger */

	for (size_t i = 0; i < count; i++) {
		size_t distance = word_distance(word, words[i]);

		if (distance < least_distance && distance < strlen(words[i])) {
			least_distance = distance;
			best = words[i];
		}
	}
	return best;
}
