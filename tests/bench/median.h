/* SPDX-License-Identifier: BSD-3-Clause */
/* median.h - the median of times. */
#ifndef DAVIT_TESTS_MEDIAN_H
#define DAVIT_TESTS_MEDIAN_H

#include <stdlib.h>

static inline int compare_times(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Sorts the times, too. `rounds` is how many there are, at least one. */
static inline double median(double *times, int rounds)
{
	qsort(times, (size_t)rounds, sizeof(*times), compare_times);
	return (times[(rounds - 1) / 2] + times[rounds / 2]) / 2;
}

#endif
