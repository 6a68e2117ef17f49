/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guard.h - a process that waits for the rank.
 *
 * Usually the launcher becomes the application. Where that cannot be (who enters a PID namespace
 * stays outside, only children are in it) or something is to be done when the application has
 * ended, the launcher stays as its parent, and should not be noticed: same exit code or signal, and
 * neither can live without the other.
 */
#ifndef DAVIT_GUARD_H
#define DAVIT_GUARD_H

#include <stdbool.h>

#include "common/error.h"

#define GUARD_KEEP 3

struct guard {
	/* Only the guard is signalled, so it passes signals on, and it stops when the application
	 * stops: `davit run` and batch scripts. In a step, Slurm signals every process. */
	bool forward;
	/* There is work for the caller when the application has ended: the guard keeps standard
	 * input, output and error, the capabilities and the name. */
	bool works_later;
	/* It has something to say then: it keeps standard error. */
	bool speaks_later;
	int keep[GUARD_KEEP]; /* descriptors that stay open as long as the guard lives; -1 for none */
};

/* Forks. In the child returns 0, and the caller goes on to become the application; the kernel kills
 * it when the guard dies. In the parent waits for the child's end, then returns 1 with the child's
 * wait status in *status; its signals stay blocked. Returns -1 with `err` set if nothing happened.
 *
 * Unless it works later, the guard has no privileges (narrow.h), /dev/null as stdio (but for standard
 * error, if it speaks later), and no other descriptor but those to keep. The caller must have only one thread. */
int guard_fork(const struct guard *guard, int *status, struct error *err);

/* Ends this process as the child ended, without another core file. */
_Noreturn void guard_mimic(int status);

#endif
