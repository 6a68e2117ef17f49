/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.h - one stage while it is being made: worker.c, steps.c, copy_step.c and run_step.c only. */
#ifndef DAVIT_BUILD_WORKER_H
#define DAVIT_BUILD_WORKER_H

#include "common/error.h"
#include "images/build/spec.h"
#include "launcher/build/build.h"
#include "launcher/save.h"
#include "launcher/security/filter.h"

struct worker {
	struct build *build;
	const struct stage *stage;
	size_t index;
	int root;     /* of the container, as it is without what is mounted in it */
	int lifeline; /* as save.h has it */
	struct save save;
	const struct filter *filter; /* of system calls, for RUN */
	struct spec spec;
	struct list arguments; /* of ARG */
	struct list variables; /* arguments, and on top of them those of ENV */
	bool has_command;      /* there was a CMD */
};

/* Makes `variables` anew; of a name that both have, the value of ENV counts. */
int step_renew_variables(struct worker *worker, struct error *err);

/* Carries an instruction out. Returns 0, or -1 with `err` set. */
int step_do(struct worker *worker, const struct instruction *step, struct error *err);

/* `text` with values in place of variables, to be freed; NULL with `err` set. */
char *step_expand(const struct worker *worker, const char *text, struct error *err);

/* An absolute path of one that may count from the working directory, to be freed; a '/' at its end
 * stays. */
char *step_absolute(const struct worker *worker, const char *path, struct error *err);

/* Appends the words of the step, without quotes and with values. */
int step_words(const struct worker *worker, const struct instruction *step, struct list *words,
	       struct error *err);

/* COPY and ADD. */
int copy_step(struct worker *worker, const struct instruction *step, struct error *err);

/* Runs a command in the container; what it leaves running is killed. Returns 0, or -1 with `err` set: also
 * when it fails, then with its code. */
int run_step(const struct worker *worker, char **argv, struct error *err);

#endif
