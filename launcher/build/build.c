/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build.c - see build.h.
 *
 * This process stays on the node. It starts one worker after the other, each for one stage; those whose
 * files later stages copy stay until the end. Whatever happens, it ends them, and removes the directory in
 * which it keeps bases that had to be fetched, stages that are bases, and the layer, if that is not in
 * memory.
 */
#include "launcher/build/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/source.h"
#include "launcher/named.h"

#define IGNORE_MAX ((size_t)1 << 20)

int build_make_directory(struct build *build, struct error *err)
{
	const char *parent = getenv("TMPDIR");

	if (build->directory)
		return 0;
	if (!parent || parent[0] != '/')
		parent = "/var/tmp";
	if (build_has_layer(build))
		parent = build->writable;
	if (asprintf(&build->directory, "%s/davit-build.XXXXXX", parent) < 0)
		build->directory = NULL;
	if (!build->directory)
		return error_set(err, ENOMEM, "cannot keep a path");
	if (mkdtemp(build->directory))
		return 0;
	free(steal_ptr(&build->directory));
	error_set(err, errno, "cannot create a directory in '%s'", parent);
	return error_remedy(err, "TMPDIR=DIR in the environment, with a directory of your own");
}

void build_done(struct build *build)
{
	struct error ignored = ERROR_INIT;

	for (size_t i = build->stage_count; i-- > 0;)
		worker_end(&build->stages[i]);
	for (size_t i = 0; i < build->stage_count; i++) {
		free(build->stages[i].name);
		free(build->stages[i].base);
		if (build->stages[i].hold >= 0)
			close(build->stages[i].hold);
	}
	if (build->directory)
		(void)named_remove_tree(build->directory, &ignored);
	free(build->directory);
	if (build->context_dir >= 0)
		close(build->context_dir);
	ignore_done(&build->ignore);
	list_done(&build->globals);
	list_done(&build->given);
	containerfile_done(&build->file);
}

int build_import(const struct build *build, const char *source, const char *file, struct error *err)
{
	const char *argv[12] = { "/proc/self/exe", "image", "import" };
	size_t count = 3;
	int status;

	if (build->is_quiet)
		argv[count++] = "--quiet";
	if (build->replaces)
		argv[count++] = "--force";
	if (build->tls_verify) {
		argv[count++] = "--tls-verify";
		argv[count++] = build->tls_verify;
	}
	if (build->authfile) {
		argv[count++] = "--authfile";
		argv[count++] = build->authfile;
	}
	argv[count++] = "--";
	argv[count++] = source;
	argv[count] = file;
	/* Its output is the name of the file. */
	status = child_run(argv, CHILD_ERRORS, err);
	if (status < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error_set(err, 0, "'%s' cannot be imported", source);
	return error_remedy(err, "its own message is above; or the path of an image, with a '/'");
}

static char *below(const struct build *build, const char *kind, size_t number, struct error *err)
{
	char *path;

	if (asprintf(&path, "%s/%s%zu", build->directory, kind, number) < 0) {
		error_set(err, ENOMEM, "cannot keep a path");
		return NULL;
	}
	return path;
}

/* A path in the file counts from the context, like all in there. */
static int find_path(const struct build *build, struct stage *stage, struct error *err)
{
	cleanup_free char *path = NULL, *real = NULL;

	if (stage->base[0] == '/')
		path = strdup(stage->base);
	else if (asprintf(&path, "%s/%s", build->context, stage->base) < 0)
		path = NULL;
	if (!path)
		return error_set(err, ENOMEM, "cannot keep a path");
	real = realpath(path, NULL);
	if (!real) {
		error_set(err, errno, "base image '%s'", path);
		return error_remedy(err, "a path from the context, or docker://NAME:TAG");
	}
	free(stage->base);
	stage->base = steal_ptr(&real);
	return 0;
}

/* A directory with what each container has: one without anything is mostly a mistake. */
static int make_scratch(const char *path, struct error *err)
{
	cleanup_close int dir = -1;

	if (mkdir(path, 0755) == 0)
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "dev", 0755) < 0)
		return error_set(err, errno, "cannot create '%s'", path);
	return 0;
}

/* From a registry by way of the import cache. What else there is, or was asked for without TLS, is in nobody's
 * cache. */
static int find_image(struct build *build, size_t index, struct error *err)
{
	struct stage *stage = &build->stages[index];
	cleanup_free char *file = NULL, *source = NULL;

	if (asprintf(&source, "%s%s", stages_is_source(stage->base) ? "" : "docker://",
		     stage->base) < 0)
		source = NULL;
	if (!source)
		return error_set(err, ENOMEM, "cannot keep a name");
	if (source_is_registry(source) && !build->tls_verify)
		return fetch_base(build, stage, source, err);
	if (build_make_directory(build, err) < 0)
		return -1;
	file = below(build, "base", index, err);
	if (!file || build_import(build, source, file, err) < 0)
		return -1;
	free(stage->base);
	stage->base = steal_ptr(&file);
	return 0;
}

/* Makes `base` the path of an image. */
static int find_base(struct build *build, size_t index, struct error *err)
{
	struct stage *stage = &build->stages[index];
	bool is_scratch = stage->base_stage < 0 && strcmp(stage->base, "scratch") == 0;
	cleanup_free char *file = NULL;

	if (stage->base_stage < 0 && !is_scratch)
		return stages_is_path(stage->base) ? find_path(build, stage, err)
						   : find_image(build, index, err);
	if (build_make_directory(build, err) < 0)
		return -1;
	file = is_scratch ? below(build, "empty", index, err)
			  : below(build, "stage", (size_t)stage->base_stage, err);
	if (!file || (is_scratch && make_scratch(file, err) < 0))
		return -1;
	free(stage->base);
	stage->base = steal_ptr(&file);
	return 0;
}

static int make_stage(struct build *build, size_t index, struct error *err)
{
	struct stage *stage = &build->stages[index];
	cleanup_free char *file = NULL;
	const char *save = index == build->last ? build->output : NULL;

	if (find_base(build, index, err) < 0)
		return containerfile_blame(&build->file, stage->from, err);
	if (stage->is_base) {
		if (build_make_directory(build, err) < 0)
			return -1;
		save = file = below(build, "stage", index, err);
		if (!file)
			return -1;
	}
	if (worker_start(build, index, save, err) < 0 || worker_wait(build, index, err) < 0)
		return -1;
	if (!stage->is_source)
		worker_end(stage);
	return 0;
}

/* Reads NAME, which is relative to `dir`. Returns 1, 0 where there is none, or -1 with `err` set. */
static int read_ignore_file(struct build *build, int dir, const char *name, struct error *err)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	cleanup_free char *text = NULL;

	if (fd < 0 && errno == ENOENT)
		return 0;
	text = fd_read_regular(fd, IGNORE_MAX, NULL);
	if (text && ignore_parse(&build->ignore, text) == 0)
		return 1;
	if (dir == AT_FDCWD)
		return error_set(err, errno, "cannot read '%s'", name);
	return error_set(err, errno, "cannot read '%s/%s'", build->context, name);
}

/* The one that goes with the file comes before those of the context. */
static int read_ignore(struct build *build, struct error *err)
{
	static const char *const names[] = { ".containerignore", ".dockerignore" };
	const size_t count = sizeof(names) / sizeof(names[0]);
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++) {
		cleanup_free char *own = NULL;

		if (asprintf(&own, "%s%s", build->path, names[i]) < 0) {
			own = NULL;
			return error_set(err, ENOMEM, "cannot keep a path");
		}
		result = read_ignore_file(build, AT_FDCWD, own, err);
	}
	for (size_t i = 0; result == 0 && i < count; i++)
		result = read_ignore_file(build, build->context_dir, names[i], err);
	return result < 0 ? -1 : 0;
}

int build_make(struct build *build, struct error *err)
{
	int result;

	build->context_dir = open(build->context, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (build->context_dir < 0) {
		error_set(err, errno, "cannot open the context '%s'", build->context);
		return error_remedy(err, "the directory from which COPY takes files");
	}
	if (read_ignore(build, err) < 0)
		return -1;
	child_hold_signals();
	result = build_has_layer(build) ? build_make_directory(build, err) : 0;
	/* Images of which files are copied come last in the list, and are needed first. */
	for (size_t i = build->stage_count; result == 0 && i-- > 0;)
		if (build->stages[i].from->verb != VERB_FROM)
			result = make_stage(build, i, err);
	for (size_t i = 0; result == 0 && i <= build->last; i++)
		if (build->stages[i].is_needed)
			result = make_stage(build, i, err);
	return result;
}
