/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tool.c - images built by buildah, podman or docker, as far as they work here for this user.
 *
 * Their output is the user's to see; with -q only their errors, since all of them tell the image's id even
 * so. What they keep (layers for the next build) stays in their own store. Their image comes out as a file
 * or directory in the layout of the OCI or of docker save, of which `davit image import` makes the new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "launcher/build/build.h"

#define ID_MAX 256 /* bytes of an image's id */

static const char *const tools[] = { "buildah", "podman", "docker" };

static bool takes_registry(const struct build *build, const char *tool)
{
	return strcmp(tool, "docker") != 0 || (!build->tls_verify && !build->authfile);
}

const char *build_find_tool(const struct build *build)
{
	for (size_t i = 0; !build->pull && i < sizeof(tools) / sizeof(tools[0]); i++) {
		const char *argv[] = { tools[i], "info", NULL };
		struct error ignored = ERROR_INIT;

		if (takes_registry(build, tools[i]) &&
		    child_run(argv, CHILD_NOTHING, &ignored) == 0)
			return tools[i];
	}
	return NULL;
}

static int run(const struct build *build, const struct list *argv, struct error *err)
{
	int status = child_run((const char *const *)argv->items,
			       build->is_quiet ? CHILD_ERRORS : CHILD_ALL, err);

	if (status < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_FOUND) {
		error_set(err, 0, "there is no %s on this node, or it cannot be executed",
			  argv->items[0]);
		return error_remedy(err, "--with=davit does without");
	}
	error_set(err, 0, "%s %s ended with %s %d", argv->items[0], argv->items[1],
		  WIFEXITED(status) ? "code" : "signal",
		  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	error_remedy(err, "its own message is above; --with=davit does without");
	err->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return -1;
}

/* Appends words up to NULL. */
static int add(struct list *argv, const char *const *words)
{
	int result = 0;

	for (; *words; words++)
		result |= list_add(argv, *words);
	return result;
}

static int add_options(const struct build *build, struct list *argv)
{
	int result = 0;

	if (build->is_quiet)
		result |= list_add(argv, "-q");
	if (build->tls_verify)
		result |= list_add(argv, strcmp(build->tls_verify, "true") == 0
						 ? "--tls-verify=true"
						 : "--tls-verify=false");
	if (build->authfile)
		result |= list_add(argv, "--authfile") | list_add(argv, build->authfile);
	if (build->target)
		result |= list_add(argv, "--target") | list_add(argv, build->target);
	for (size_t i = 0; i < build->given.count; i++)
		result |= list_add(argv, "--build-arg") | list_add(argv, build->given.items[i]);
	return result | list_add(argv, build->context);
}

/* buildah writes the layout itself; the others tell the id of the image, which they save. */
static int build_image(const struct build *build, const char *layout, const char *id_file,
		       struct error *err)
{
	bool is_buildah = strcmp(build->tool, "buildah") == 0;
	const char *words[] = {
		build->tool, is_buildah ? "bud" : "build",    "-f",
		build->path, is_buildah ? "-t" : "--iidfile", is_buildah ? layout : id_file,
		NULL
	};
	struct list argv = { .items = NULL };
	int result = add(&argv, words) | add_options(build, &argv);

	result = result < 0 ? error_set(err, ENOMEM, "cannot start %s", build->tool)
			    : run(build, &argv, err);
	list_done(&argv);
	return result;
}

static int save_image(const struct build *build, const char *archive, const char *id_file,
		      struct error *err)
{
	bool is_podman = strcmp(build->tool, "podman") == 0;
	cleanup_close int fd = open(id_file, O_RDONLY | O_CLOEXEC);
	cleanup_free char *id = fd_read_regular(fd, ID_MAX, NULL);
	const char *words[] = { build->tool, "save", "-o",
				archive,     id,     is_podman ? "--format=oci-archive" : NULL,
				NULL };
	struct list argv = { .items = NULL };
	int result;

	if (!id)
		return error_set(err, errno, "%s did not tell the image's id", build->tool);
	id[strcspn(id, "\r\n")] = '\0';
	result = add(&argv, words);
	/* Docker's `save` shows nothing and takes no -q. */
	if (is_podman && build->is_quiet)
		result |= list_add(&argv, "-q");
	result = result < 0 ? error_set(err, ENOMEM, "cannot start %s", build->tool)
			    : run(build, &argv, err);
	list_done(&argv);
	return result;
}

static int make(const struct build *build, const char *layout, const char *archive,
		const char *id_file, struct error *err)
{
	cleanup_free char *source = NULL;
	bool is_buildah = strcmp(build->tool, "buildah") == 0;

	if (build_image(build, layout, id_file, err) < 0 ||
	    (!is_buildah && save_image(build, archive, id_file, err) < 0))
		return -1;
	if (asprintf(&source, "%s:%s",
		     strcmp(build->tool, "podman") == 0 ? "oci-archive" : "docker-archive",
		     archive) < 0) {
		source = NULL;
		return error_set(err, ENOMEM, "cannot keep a path");
	}
	return build_import(build, is_buildah ? layout : source, build->output, err);
}

int build_by_tool(struct build *build, struct error *err)
{
	cleanup_free char *layout = NULL, *archive = NULL, *id_file = NULL;

	if (build->pull) {
		error_set(err, 0, "--pull is about Davit's own import cache, which %s does not use",
			  build->tool);
		return error_remedy(err, "--with=davit");
	}
	if (!takes_registry(build, build->tool)) {
		error_set(err, 0, "docker takes neither --tls-verify nor --authfile");
		return error_remedy(err,
				    "docker login and docker's configuration, or --with=davit");
	}
	child_hold_signals();
	if (build_make_directory(build, err) < 0)
		return -1;
	if (asprintf(&layout, "oci:%s/layout:image", build->directory) < 0)
		layout = NULL;
	if (asprintf(&archive, "%s/image.tar", build->directory) < 0)
		archive = NULL;
	if (asprintf(&id_file, "%s/id", build->directory) < 0)
		id_file = NULL;
	if (!layout || !archive || !id_file)
		return error_set(err, ENOMEM, "cannot keep a path");
	return make(build, layout, archive, id_file, err);
}
