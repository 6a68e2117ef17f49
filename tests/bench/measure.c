/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure.c - how long commands take, side by side
 *
 *	measure ROUNDS NAME COMMAND... [::: NAME COMMAND...]...
 *
 * Each round runs every command once, each round starting with another one, so that what else the
 * machine does hits all alike; three rounds before the first do not count. Prints for each
 * "NAME MEDIAN P10 P90 LAST": from fork to the end of the process, in microseconds; LAST is 0, or
 * the median time until the last process of the command ran `measure stamp FILE`, where FILE is
 * what $MEASURE_STAMPS names. A command that fails ends it all.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "median.h"

#define WARM_UP      3
#define VARIANTS_MAX 64

extern char **environ;

struct variant {
	char *name;
	char **argv;
	double *times, *lasts;
};

static const char *stamps; /* file of doubles, as now() gives them, or NULL */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int stamp(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	double time = now();

	return fd < 0 || write(fd, &time, sizeof(time)) != (ssize_t)sizeof(time);
}

/* The last stamp, and forgets them all; 0 if there is none. */
static double take_last_stamp(void)
{
	int fd = stamps ? open(stamps, O_RDONLY) : -1;
	double last = 0, time;

	if (!stamps)
		return 0;
	if (fd < 0)
		die(stamps);
	while (read(fd, &time, sizeof(time)) == (ssize_t)sizeof(time))
		last = time > last ? time : last;
	close(fd);
	if (truncate(stamps, 0) < 0)
		die(stamps);
	return last;
}

/* Fills the times of one round. */
static void time_one(const struct variant *variant, int round,
		     const posix_spawn_file_actions_t *quiet)
{
	double start = now(), end, last;
	int status = 0;
	pid_t pid;

	errno = posix_spawnp(&pid, variant->argv[0], quiet, NULL, variant->argv, environ);
	if (errno)
		die(variant->argv[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0) {
		fprintf(stderr, "measure: '%s' failed: status %#x\n", variant->name, status);
		exit(1);
	}
	end = now();
	last = take_last_stamp();
	if (round >= 0) {
		variant->times[round] = end - start;
		variant->lasts[round] = last > 0 ? last - start : 0;
	}
}

static int parse(struct variant *variants, int rounds, int argc, char **argv)
{
	int count = 0;

	for (int i = 2; i < argc && count < VARIANTS_MAX; count++) {
		variants[count].name = argv[i++];
		variants[count].argv = argv + i;
		variants[count].times = calloc((size_t)rounds, sizeof(double));
		variants[count].lasts = calloc((size_t)rounds, sizeof(double));
		while (i < argc && strcmp(argv[i], ":::") != 0)
			i++;
		if (i < argc)
			argv[i++] = NULL;
		if (!variants[count].argv[0] || !variants[count].times || !variants[count].lasts)
			return 0;
	}
	return count;
}

int main(int argc, char **argv)
{
	struct variant variants[VARIANTS_MAX];
	posix_spawn_file_actions_t quiet;
	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	int count = rounds > 0 ? parse(variants, rounds, argc, argv) : 0;

	if (argc == 3 && strcmp(argv[1], "stamp") == 0)
		return stamp(argv[2]);
	if (count == 0) {
		fprintf(stderr, "usage: measure ROUNDS NAME COMMAND... [::: NAME COMMAND...]...\n");
		return 2;
	}
	stamps = getenv("MEASURE_STAMPS");
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	for (int round = -WARM_UP; round < rounds; round++)
		for (int i = 0; i < count; i++)
			time_one(&variants[(i + round + WARM_UP) % count], round, &quiet);
	for (int i = 0; i < count; i++) {
		double *times = variants[i].times, *lasts = variants[i].lasts;

		printf("%s %.0f", variants[i].name, median(times, rounds));
		printf(" %.0f %.0f", times[rounds / 10], times[rounds - 1 - rounds / 10]);
		printf(" %.0f\n", median(lasts, rounds));
	}
	return 0;
}
