/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cma.c - do the ranks of a node reach each other's memory?
 *
 * cma COUNT: COUNT ranks of one node and step meet in /dev/shm, and each reads a number from the
 * memory of every other one with process_vm_readv(2), as MPI libraries do. Prints "rank R read N".
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RANKS_MAX 64

struct meeting {
	int arrived, left;
	struct {
		pid_t pid;
		uint64_t address;
	} ranks[RANKS_MAX];
};

static void wait_for(int *counter, int value)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; __atomic_load_n(counter, __ATOMIC_ACQUIRE) < value; i++) {
		if (i == 20000)
			errx(1, "the other ranks do not come");
		nanosleep(&pause, NULL);
	}
}

static const char *env(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		errx(1, "no %s", name);
	return value;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 1, rank = atoi(env("SLURM_LOCALID")), fd, read = 0;
	uint64_t secret = (uint64_t)getpid() * 2654435761u;
	struct meeting *meeting;
	char name[128];

	snprintf(name, sizeof(name), "/cma.%s.%s.%s", env("SLURM_JOB_ID"), env("SLURM_STEP_ID"),
		 env("SLURM_NODEID"));
	fd = shm_open(name, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*meeting)) < 0)
		err(1, "shm_open %s", name);
	meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (meeting == MAP_FAILED)
		err(1, "mmap");
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* for Yama, as MPI libraries do */
	meeting->ranks[rank].pid = getpid();
	meeting->ranks[rank].address = (uint64_t)(uintptr_t)&secret;
	__atomic_add_fetch(&meeting->arrived, 1, __ATOMIC_RELEASE);
	wait_for(&meeting->arrived, count);
	for (int i = 0; i < count; i++) {
		uint64_t seen = 0;
		struct iovec to = { &seen, sizeof(seen) };
		struct iovec from = { (void *)(uintptr_t)meeting->ranks[i].address, sizeof(seen) };

		if (process_vm_readv(meeting->ranks[i].pid, &to, 1, &from, 1, 0) != sizeof(seen))
			err(1, "process_vm_readv from rank %d", i);
		if (seen != (uint64_t)meeting->ranks[i].pid * 2654435761u)
			errx(1, "rank %d: wrong number", i);
		read++;
	}
	__atomic_add_fetch(&meeting->left, 1, __ATOMIC_RELEASE);
	wait_for(&meeting->left, count);
	if (rank == 0)
		shm_unlink(name);
	printf("rank %d read %d\n", rank, read);
	return 0;
}
