/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ready.c - prints "start 0 MS", the time from $BENCH_START (seconds since 1970) until now
 *
 * Static, so that nothing comes from an image but what starting takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void)
{
	const char *start = getenv("BENCH_START");
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (!start)
		return 1;
	printf("start 0 %.3f\n",
	       ((double)t.tv_sec - strtod(start, NULL)) * 1e3 + (double)t.tv_nsec / 1e6);
	return 0;
}
