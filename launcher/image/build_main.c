/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build_main.c - `davit image build`.
 *
 * Another program builds it where one works, unless the file begins with an image that only Davit knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "launcher/build/build.h"
#include "launcher/image/image_commands.h"

const struct image_option image_build_options[] = {
	{ "file", 'f', "FILE", "the Containerfile [that of the context, or its Dockerfile]" },
	{ "tag", 't', "OUT.sqfs", "the new image, where it is not the first argument" },
	{ "build-arg", 0, "NAME=VALUE", "a value for an ARG" },
	{ "target", 0, "STAGE", "end with this stage [the last one]" },
	{ "with", 0, "auto|davit|buildah|podman|docker",
	  "who builds it: Davit, or another program [one that works here, else Davit]" },
	{ "writable", 0, "DIR|size=SIZE", "where Davit keeps what is written meanwhile [memory]" },
	{ "authfile", 0, "FILE", "log in to registries with this file, as skopeo login writes it" },
	{ "pull", 0, "newer|always|missing|never",
	  "when to ask a registry for a base that Davit has imported before [newer]" },
	{ "tls-verify", 0, "true|false",
	  "false: take a registry without or with wrong TLS [true]" },
	{ "force", 0, NULL, "replace a file that is there" },
	{ "quiet", 'q', NULL, "show nothing but what goes wrong" },
	{ NULL },
};

/* Without -t the first operand is the image; the context is what comes then. */
static int take_operands(struct build *build, const struct image_arguments *arguments,
			 struct error *err)
{
	char *const *operands = arguments->operands;
	size_t count = arguments->operand_count, len;
	struct stat st;

	build->output = arguments_value(arguments, "tag");
	if (!build->output && count > 0) {
		build->output = operands[0];
		operands++;
		count--;
	}
	if (count > 1) {
		error_set(err, 0, "more than one context: '%s' and '%s'", operands[0], operands[1]);
		return arguments_usage(arguments, err);
	}
	build->context = count > 0 ? operands[0] : ".";
	len = build->output ? strlen(build->output) : 0;
	if (len == 0 || build->output[len - 1] == '/' ||
	    (stat(build->output, &st) == 0 && S_ISDIR(st.st_mode))) {
		error_set(err, 0, "no file is given that is to become the image");
		return arguments_usage(arguments, err);
	}
	if (lstat(build->output, &st) == 0 && !build->replaces) {
		error_set(err, EEXIST, "'%s'", build->output);
		return error_remedy(err, "another name, or --force to replace it");
	}
	return 0;
}

static int take_given(struct build *build, const struct image_arguments *arguments,
		      struct error *err)
{
	cleanup_free char **values = arguments_values(arguments, "build-arg");
	int result = values ? 0 : -1;

	for (char **value = values; result == 0 && *value; value++) {
		cleanup_free char *own = NULL;
		const char *of_environment = strchr(*value, '=') ? NULL : getenv(*value);

		if ((*value)[0] == '=' || (!strchr(*value, '=') && !of_environment)) {
			error_set(err, 0, "--build-arg %s: it has no value", *value);
			return error_remedy(err, "--build-arg NAME=VALUE");
		}
		if (of_environment && asprintf(&own, "%s=%s", *value, of_environment) < 0)
			own = NULL;
		result = of_environment && !own ? -1 : list_set(&build->given, own ? own : *value);
	}
	return result < 0 ? error_set(err, ENOMEM, "cannot keep the arguments") : 0;
}

/* Reads the file: that of -f, else the context's. */
static char *read_file(struct build *build, char **path, size_t *len, struct error *err)
{
	static const char *const names[] = { "Containerfile", "Dockerfile" };
	cleanup_close int fd = -1;
	char *text;

	for (size_t i = 0; !build->path && i < sizeof(names) / sizeof(names[0]); i++) {
		free(steal_ptr(path));
		if (asprintf(path, "%s/%s", build->context, names[i]) < 0)
			*path = NULL;
		if (*path && access(*path, F_OK) == 0)
			build->path = *path;
	}
	if (!build->path) {
		error_set(err, 0, "there is neither a Containerfile nor a Dockerfile in '%s'",
			  build->context);
		error_remedy(err, "-f FILE");
		return NULL;
	}
	build->file.name = build->path;
	fd = open(build->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	text = fd_read_regular(fd, CONTAINERFILE_MAX, len);
	if (!text) {
		error_set(err, errno, "cannot read '%s'", build->path);
		error_remedy(err, "a Containerfile: a text file of at most 1 MiB");
	}
	return text;
}

/* Does a stage begin with an image that no other program knows? */
static bool has_own_base(const struct build *build)
{
	for (size_t i = 0; i < build->stage_count; i++)
		if (build->stages[i].base_stage < 0 && stages_is_path(build->stages[i].base))
			return true;
	return false;
}

static int choose_tool(struct build *build, const char *with, bool is_understood, struct error *err)
{
	static const char *const words[] = { "auto", "davit", "buildah", "podman", "docker" };
	const char *near =
		with ? word_nearest(with, words, sizeof(words) / sizeof(words[0])) : "auto";

	for (size_t i = 2; with && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(with, words[i]) == 0)
			build->tool = words[i];
	if (build->tool || (with && strcmp(with, "davit") == 0))
		return 0;
	if (with && strcmp(with, "auto") != 0) {
		error_set(err, 0, "--with=%s is none of auto, davit, buildah, podman, docker",
			  with);
		return error_remedy(err, "%s", near ? near : "auto");
	}
	if (!is_understood || !has_own_base(build))
		build->tool = build_find_tool(build);
	return 0;
}

static int check_pull(const struct build *build, struct error *err)
{
	static const char *const words[] = { "newer", "always", "missing", "never" };
	const char *near;

	for (size_t i = 0; build->pull && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(build->pull, words[i]) == 0)
			return 0;
	if (!build->pull)
		return 0;
	near = word_nearest(build->pull, words, sizeof(words) / sizeof(words[0]));
	error_set(err, 0, "--pull=%s is none of newer, always, missing, never", build->pull);
	return error_remedy(err, "%s", near ? near : "newer");
}

static int run(struct build *build, const struct image_arguments *arguments, struct error *err)
{
	struct error misunderstood = ERROR_INIT;
	cleanup_free char *text = NULL, *path = NULL;
	bool is_understood;
	size_t len = 0;

	if (build->tls_verify && strcmp(build->tls_verify, "true") != 0 &&
	    strcmp(build->tls_verify, "false") != 0) {
		error_set(err, 0, "'--tls-verify=%s' is neither true nor false", build->tls_verify);
		return error_remedy(err, "--tls-verify=false");
	}
	if (check_pull(build, err) < 0 || take_operands(build, arguments, err) < 0 ||
	    take_given(build, arguments, err) < 0)
		return -1;
	text = read_file(build, &path, &len, err);
	if (!text)
		return -1;
	is_understood = containerfile_parse(&build->file, text, len, &misunderstood) == 0 &&
			stages_plan(build, &misunderstood) == 0;
	if (choose_tool(build, arguments_value(arguments, "with"), is_understood, err) < 0)
		return -1;
	if (build->tool)
		return build_by_tool(build, err);
	if (is_understood)
		return build_make(build, err);
	*err = misunderstood;
	return -1;
}

int image_command_build(const struct image_arguments *arguments, struct error *err)
{
	static struct build build = { .context_dir = -1 };
	int result;

	build.path = arguments_value(arguments, "file");
	build.target = arguments_value(arguments, "target");
	build.writable = arguments_value(arguments, "writable");
	build.authfile = arguments_value(arguments, "authfile");
	build.tls_verify = arguments_value(arguments, "tls-verify");
	build.pull = arguments_value(arguments, "pull");
	build.replaces = arguments_value(arguments, "force") != NULL;
	build.is_quiet = arguments_value(arguments, "quiet") != NULL;
	result = run(&build, arguments, err);
	build_done(&build);
	/* Without a cause it has been told. */
	return result < 0 && !err->cause[0] ? err->code : result;
}
