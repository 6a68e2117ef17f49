/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tool.c - what tools for profiling are: a library that is loaded in front of a program's own.
 *
 * Counts how often the program reads from or writes to the memory of another process, and says so at
 * its end on standard error: "tool: rank R: cma N".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long cma;

typedef ssize_t copy(pid_t, const struct iovec *, unsigned long, const struct iovec *,
		     unsigned long, unsigned long);

static ssize_t count(const char *name, pid_t pid, const struct iovec *local, unsigned long locals,
		     const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
	copy *next = (copy *)dlsym(RTLD_NEXT, name);
	ssize_t len = next(pid, local, locals, remote, remotes, flags);

	/* MPI libraries try it on themselves, too */
	if (len > 0 && pid != getpid())
		cma++;
	return len;
}

ssize_t process_vm_readv(pid_t pid, const struct iovec *local, unsigned long locals,
			 const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
	return count("process_vm_readv", pid, local, locals, remote, remotes, flags);
}

ssize_t process_vm_writev(pid_t pid, const struct iovec *local, unsigned long locals,
			  const struct iovec *remote, unsigned long remotes, unsigned long flags)
{
	return count("process_vm_writev", pid, local, locals, remote, remotes, flags);
}

__attribute__((destructor)) static void tell(void)
{
	const char *rank = getenv("SLURM_PROCID");

	fprintf(stderr, "tool: rank %s: cma %ld\n", rank ? rank : "?", (long)cma);
}
