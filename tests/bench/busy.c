/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * busy.c - what an image server takes from ranks that compute, and what a rank gets from it then
 *
 *	busy read SPINNERS DIR FILE
 *
 * runs in a container. SPINNERS processes, each bound to a CPU, count as fast as they can. It prints
 * "ready", waits for a line, and reads: the first page of each file in DIR, at leisure, one after the
 * other; then all of FILE. It prints
 *
 *	PAGE P90 TAKEN SECONDS TAKEN
 *
 * the median time of a page and the time that 9 of 10 do not exceed, in microseconds; the seconds that
 * FILE took; and behind each how much of a CPU the spinners lost in that time, all together: 1.00 is
 * one CPU, all the time.
 *
 *	busy policy other|batch|idle NICE SLICE PID
 *
 * gives all threads of a process a scheduling policy, a nice value and the length of a time slice, in
 * nanoseconds, 0 for the kernel's. Threads that are made later inherit that.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINNERS_MAX 64
#define FILES_MAX    4096
#define LEISURE      3000000 /* ns between two pages */
#define REST         300     /* ms in which nothing is read, for comparison */

/* sched_setattr(2); glibc has it from 2.41 on, under its own name. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

struct counter {
	_Alignas(64) volatile uint64_t count;
};

static struct counter *counters;
static int spinners;

static void die(const char *what)
{
	fprintf(stderr, "busy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void rest(long ns)
{
	const struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	nanosleep(&t, NULL);
}

static void spin(int number)
{
	cpu_set_t one;

	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&one);
	CPU_SET(number % (int)sysconf(_SC_NPROCESSORS_ONLN), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (;;)
		counters[number].count++;
}

static double counted(void)
{
	double sum = 0;

	for (int i = 0; i < spinners; i++)
		sum += (double)counters[i].count;
	return sum;
}

/* What they count in a second when nobody disturbs them. */
static double undisturbed(void)
{
	double start = now(), before = counted();

	rest(REST * 1000000L);
	return (counted() - before) / (now() - start);
}

/* CPUs that the spinners have lost since `start`, when they had counted `before`. */
static double taken(double rate, double start, double before)
{
	double share = (counted() - before) / (now() - start) / rate;

	return spinners * (1 - share);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void read_pages(const char *dir, double rate)
{
	static double times[FILES_MAX];
	double start = now(), before = counted();
	DIR *stream = opendir(dir);
	struct dirent *entry;
	size_t count = 0;
	char page[4096];

	if (!stream)
		die(dir);
	while ((entry = readdir(stream)) && count < FILES_MAX) {
		double begin;
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(stream), entry->d_name, O_RDONLY);
		begin = now();
		if (fd < 0 || read(fd, page, sizeof(page)) < 0)
			die(entry->d_name);
		times[count++] = (now() - begin) * 1e6;
		close(fd);
		rest(LEISURE);
	}
	closedir(stream);
	qsort(times, count, sizeof(times[0]), compare);
	printf("%.0f %.0f %.3f ", times[count / 2], times[count * 9 / 10],
	       taken(rate, start, before));
}

static void read_file(const char *path, double rate)
{
	static char buf[1 << 17];
	double start = now(), before = counted();
	int fd = open(path, O_RDONLY);
	ssize_t len;

	if (fd < 0)
		die(path);
	while ((len = read(fd, buf, sizeof(buf))) > 0)
		;
	if (len < 0)
		die(path);
	close(fd);
	printf("%.3f %.3f\n", now() - start, taken(rate, start, before));
}

static int read_all(char **argv)
{
	double rate;
	char line[2];

	spinners = atoi(argv[0]);
	if (spinners < 1 || spinners > SPINNERS_MAX)
		return 2;
	counters = mmap(NULL, SPINNERS_MAX * sizeof(*counters), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counters == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < spinners; i++)
		spin(i);
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	rate = undisturbed();
	read_pages(argv[1], rate);
	rate = undisturbed();
	read_file(argv[2], rate);
	return 0;
}

static int set_policy(char **argv)
{
	struct attributes attr = { .size = sizeof(attr),
				   .nice = atoi(argv[1]),
				   .runtime = strtoull(argv[2], NULL, 10) };
	char path[64];
	struct dirent *entry;
	DIR *dir;

	attr.policy = strcmp(argv[0], "idle") == 0    ? SCHED_IDLE
		      : strcmp(argv[0], "batch") == 0 ? SCHED_BATCH
						      : SCHED_OTHER;
	snprintf(path, sizeof(path), "/proc/%s/task", argv[3]);
	dir = opendir(path);
	if (!dir)
		die(path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    syscall(SYS_sched_setattr, atoi(entry->d_name), &attr, 0) < 0)
			die("sched_setattr");
	closedir(dir);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "read") == 0)
		return read_all(argv + 2);
	if (argc == 6 && strcmp(argv[1], "policy") == 0)
		return set_policy(argv + 2);
	fprintf(stderr, "usage: busy read SPINNERS DIR FILE | busy policy NAME NICE SLICE PID\n");
	return 2;
}
