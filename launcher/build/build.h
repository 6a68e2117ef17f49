/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build.h - `davit image build` without another program: what its parts share.
 *
 * build.c   the order of it all, as a process on the node that starts the others and tidies up
 * stages.c  which stages there are, and what each needs
 * worker.c  one stage: a process that builds a container of the base, and stays in it
 * steps.c   what each instruction does;  run_step.c RUN;  copy_step.c COPY
 * fetch.c   bases from registries
 * child.c   programs that are waited for, and signals meanwhile
 * tool.c    the other way, by buildah, podman or docker
 */
#ifndef DAVIT_BUILD_H
#define DAVIT_BUILD_H

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "common/error.h"
#include "images/build/containerfile.h"
#include "images/build/ignore.h"
#include "images/build/list.h"

#define STAGES_MAX 64

struct stage {
	const struct instruction *from;     /* its FROM, or the COPY that names an image */
	size_t first, end;                  /* indices of its instructions behind FROM */
	char *name;                         /* or NULL */
	char *base;                         /* what FROM names; a path in the end */
	int base_stage;                     /* index of that, or -1 */
	bool is_needed, is_base, is_source; /* at all; by FROM of a later stage; by COPY --from */
	/* While it is there: */
	pid_t pid;   /* of its worker, or 0 */
	int control; /* to the worker, or -1 */
	int root;    /* its root directory, where it is a source; or -1 */
	int hold;    /* keeps its base in the import cache; or -1 */
};

struct build {
	struct containerfile file;
	const char *path;    /* of that file */
	const char *context; /* directory */
	const char *output;
	const char *target;                /* stage to end with, or NULL */
	const char *writable;              /* as davit run's --writable takes it, or NULL */
	const char *authfile, *tls_verify; /* as davit image import takes them, or NULL */
	const char *pull;                  /* as davit run's --pull takes it, or NULL */
	const char *tool;                  /* buildah, podman, docker; NULL: Davit itself */
	struct list given;                 /* --build-arg */
	bool is_quiet, replaces;
	/* Made meanwhile. */
	int context_dir;
	struct ignore ignore;
	struct list globals; /* values of ARG before the first FROM */
	struct stage stages[STAGES_MAX];
	size_t stage_count;
	size_t last;     /* index of the stage that becomes the image */
	char *directory; /* for what is needed meanwhile, or NULL */
};

/* ---- build.c, tool.c ------------------------------------------------------------------------- */

/* Carries the file out: what stages_plan() has planned, or whatever it is by another program. Returns 0,
 * or -1 with `err` set, without a cause where that has been told. build_done() tidies up in each case. */
int build_make(struct build *build, struct error *err);
int build_by_tool(struct build *build, struct error *err);

/* The first of buildah, podman and docker that works, and takes what was given; or NULL. */
const char *build_find_tool(const struct build *build);

/* Is the layer a directory, and not in memory? */
static inline bool build_has_layer(const struct build *build)
{
	return build->writable && strchr(build->writable, '/');
}

/* Makes `directory`. */
int build_make_directory(struct build *build, struct error *err);
void build_done(struct build *build);

/* Has `davit image import` make `file` from `source`. */
int build_import(const struct build *build, const char *source, const char *file,
		 struct error *err);

/* ---- fetch.c --------------------------------------------------------------------------------- */

/* Makes the base of the stage the image that the import cache has, or gets, for `source` in a registry. It
 * stays there as long as `hold` is open. Returns 0, or -1 with `err` set. */
int fetch_base(const struct build *build, struct stage *stage, const char *source,
	       struct error *err);

/* ---- stages.c -------------------------------------------------------------------------------- */

/* Finds the stages, and refuses what cannot be: unknown ones, arguments that nothing takes. */
int stages_plan(struct build *build, struct error *err);

/* The index of the stage before `before` that is called `name`, or has that number; or -1. */
int stages_find(const struct build *build, const char *name, size_t before);

/* The stage of which COPY --from=`name`, in stage `of`, takes files. */
struct stage *stages_source(struct build *build, const char *name, size_t of);

/* Adds what ARG declares to `values`: what was given, else its default, else what `outer` or the node
 * says. `variables` are those that the default may have. */
int stages_declare(const struct build *build, const struct instruction *arg,
		   const struct list *variables, const struct list *outer, struct list *values,
		   struct error *err);

/* Is it the path of an image, or a source for an import as it is, not a name in a registry? */
bool stages_is_path(const char *base);
bool stages_is_source(const char *base);

/* ---- child.c --------------------------------------------------------------------------------- */

/* Keeps SIGINT, SIGTERM and SIGHUP back for child_wait(). */
void child_hold_signals(void);

/* For a child: as it was before. */
void child_release_signals(void);

/* Waits until `fd` can be read. Returns 0, or -1 with `err` set when one of the signals has come. */
int child_wait(int fd, struct error *err);

/* What is to be seen of a program. */
enum child_output {
	CHILD_ALL,
	CHILD_ERRORS, /* what it writes to standard error */
	CHILD_NOTHING
};

/* Runs a program, found in PATH. Returns its wait status, or -1 with
 * `err` set when one of the signals has come; then it has ended, too. */
int child_run(const char *const *argv, enum child_output output, struct error *err);

/* ---- worker.c --------------------------------------------------------------------------------- */

/* Starts the worker of stage `index`, which is to be written to the file `save`, unless NULL. Returns
 * 0, or -1 with `err` set. */
int worker_start(struct build *build, size_t index, const char *save, struct error *err);

/* Waits for it to have done its work; it stays where it is a source. */
int worker_wait(struct build *build, size_t index, struct error *err);

/* Ends it, in whatever state it is, and what runs in its container. */
void worker_end(struct stage *stage);

#endif
