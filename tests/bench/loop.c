/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop.c - what a system call takes, in nanoseconds
 *
 *	loop [floor] FILE
 *
 * Prints "getpid 0 TIME", "read 1 TIME" (of /dev/zero) and "pread 1 TIME" (of FILE, from the page
 * cache). Of many short loops it is one that few were faster than: what else the machine does makes
 * calls slower only. With "floor" it first installs a filter that allows all in one instruction: less
 * than that no filter can cost.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOPS 60
#define CALLS 20000

static int zero, file;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void call_getpid(void)
{
	syscall(SYS_getpid);
}

static void call_read(void)
{
	char c;

	if (read(zero, &c, 1) != 1)
		exit(1);
}

static void call_pread(void)
{
	char c;

	if (pread(file, &c, 1, 0) != 1)
		exit(1);
}

static void measure(const char *name, int bytes, void (*call)(void))
{
	static double times[LOOPS];

	for (int i = 0; i < LOOPS; i++) {
		double start = now();

		for (int k = 0; k < CALLS; k++)
			call();
		times[i] = (now() - start) / CALLS;
	}
	qsort(times, LOOPS, sizeof(times[0]), compare);
	printf("%s %d %.3f\n", name, bytes, times[LOOPS / 10]);
}

static int install_floor(void)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		       &program) < 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "floor") == 0 && install_floor())
		return 1;
	zero = open("/dev/zero", O_RDONLY);
	file = open(argv[argc - 1], O_RDONLY);
	if (argc < 2 || zero < 0 || file < 0)
		return 1;
	measure("getpid", 0, call_getpid);
	measure("read", 1, call_read);
	measure("pread", 1, call_pread);
	return 0;
}
