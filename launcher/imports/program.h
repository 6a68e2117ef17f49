/* SPDX-License-Identifier: BSD-3-Clause */
/* program.h - runs a program, keeps what it says, and takes it along when this process dies. */
#ifndef DAVIT_IMPORTS_PROGRAM_H
#define DAVIT_IMPORTS_PROGRAM_H

#include <stddef.h>

#include "common/error.h"

#define PROGRAM_OUT_MAX ((size_t)4 << 20) /* what registries allow a manifest */
#define PROGRAM_SAY_MAX ((size_t)16 << 10)

struct program {
	char *out; /* what it has written, with a NUL behind it */
	size_t len;
	char *said;    /* to standard error: the end of it */
	int code;      /* its exit code; -1: a signal has ended it */
	bool too_much; /* it wrote more than PROGRAM_OUT_MAX, and was ended */
};

/* Runs argv[0], found in PATH where it has no slash, with /dev/null to read, on all CPUs of the job. If this
 * process dies, it gets SIGTERM. Returns 0 when it has ended, however; -1 with `err` set where it could not be
 * started, errno ENOENT being that it is not there, or was killed since it had not ended in so many seconds (0: any),
 * ETIMEDOUT. program_done() frees what is in `program` in each case. */
int program_run(struct program *program, const char *const *argv, int seconds, struct error *err);
void program_done(struct program *program);

#endif
