/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local.c - see local.h.
 *
 * --container is Slurm's own option since 21.08. Slurm tells plugins nothing about it, but exports
 * SLURM_CONTAINER to the step, unless that is set already: a nested `srun --container=B` in a job
 * that was submitted with A would see A. Likewise Slurm hands --container-image=A of salloc down to
 * a nested srun, in a variable of its own, where it would outweigh --container=B.
 *
 * So what was inherited is put aside before Slurm reads its environment and command line.
 * Afterwards SLURM_CONTAINER is what this command line (or SRUN_CONTAINER and its like) asked for;
 * only where it asked for nothing does srun get the inherited value back. sbatch and salloc do not:
 * a new job starts from its own options.
 */
#include "plugin/local.h"

#include <fcntl.h>
#include <slurm/spank.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/settings.h"
#include "plugin/options.h"

/* Where Slurm's plugstack.c hands an option of ours down: to a nested srun, and to prologs. */
static const char *const inherited_options[] = {
	"_SLURM_SPANK_OPTION_davit_",
	"SLURM_SPANK__SLURM_SPANK_OPTION_davit_",
};

static char *inherited;

static void put_aside(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		return;
	if (!inherited && value[0])
		inherited = strdup(value);
	unsetenv(name);
}

/* srun keeps its shape of step to itself, but not its command line. */
struct command_line {
	char *text; /* arguments, each ended by NUL */
	size_t len;
};

static void read_command_line(struct command_line *line)
{
	cleanup_close int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

	line->len = 0;
	line->text = fd < 0 ? NULL : fd_read_all(fd, 1 << 22, &line->len);
}

static const char *next_arg(const struct command_line *line, const char *arg)
{
	if (arg)
		arg += strlen(arg) + 1;
	else
		arg = line->text;
	return arg && arg < line->text + line->len ? arg : NULL;
}

static bool has_option(const struct command_line *line, const char *name)
{
	char srun_name[64];
	size_t len;

	settings_srun_name(name, srun_name, sizeof(srun_name));
	len = strlen(srun_name);
	for (const char *arg = next_arg(line, NULL); arg; arg = next_arg(line, arg))
		if (strncmp(arg, "--", 2) == 0 && strncmp(arg + 2, srun_name, len) == 0 &&
		    (!arg[2 + len] || arg[2 + len] == '='))
			return true;
	return false;
}

static void forget(const char *name)
{
	const size_t count = sizeof(inherited_options) / sizeof(inherited_options[0]);
	char variable[128], srun_name[64];

	settings_srun_name(name, srun_name, sizeof(srun_name));
	for (char *at = srun_name; *at; at++)
		*at = *at == '-' ? '_' : *at;
	for (size_t i = 0; i < count; i++) {
		snprintf(variable, sizeof(variable), "%s%s", inherited_options[i], srun_name);
		if (strcmp(name, "image") == 0)
			put_aside(variable);
		else
			unsetenv(variable);
	}
}

void local_init(bool is_srun)
{
	struct command_line line;

	put_aside("SLURM_CONTAINER");
	read_command_line(&line);
	for (const struct option_def *def = settings_options; def->name; def++) {
		bool is_image = def == settings_options;

		/* Of two that exclude each other, the one asked for here outweighs the other. */
		if (is_image || !is_srun || (def->opposite && has_option(&line, def->opposite)))
			forget(def->name);
		if (def->opposite && (!is_srun || has_option(&line, def->name)))
			forget(def->opposite);
	}
	free(line.text);
}

#if !HAVE_DECL_SPANK_PREPEND_TASK_ARGV
/* slurmstepd makes the commands of --multi-prog itself and shows them to no plugin before 23.11, so
 * they would run on the node. The options end at `optind`, as srun's getopt(3) has left it. */
static int check_multi_prog(const struct command_line *line, struct error *err)
{
	const char *arg = NULL;

	for (int i = 0; i < optind && (arg = next_arg(line, arg)); i++)
		if (strlen(arg) >= 4 && strncmp(arg, "--multi-prog", strlen(arg)) == 0) {
			error_set(
				err, 0,
				"--container and --multi-prog do not go together before Slurm 23.11");
			return error_remedy(
				err, "a script inside the container that looks at $SLURM_PROCID");
		}
	return 0;
}
#else
static int check_multi_prog(const struct command_line *line, struct error *err)
{
	(void)line;
	(void)err;
	return 0;
}
#endif

/* Writes what one component of a heterogeneous step says of containers: its arguments up to ":".
 * Returns the argument behind that, NULL at the end of the line. */
static const char *read_component(const struct command_line *line, const char *arg, char **said)
{
	size_t size;
	FILE *out = open_memstream(said, &size);
	bool is_value = false;

	if (!out) {
		*said = NULL;
		return NULL;
	}
	for (; arg && strcmp(arg, ":") != 0; arg = next_arg(line, arg)) {
		bool is_option = strncmp(arg, "--container", strlen("--container")) == 0;

		if (is_option || is_value)
			fprintf(out, "%s%c", arg, is_option && !strchr(arg, '=') ? '=' : '\n');
		is_value = is_option && !strchr(arg, '=');
	}
	fclose(out);
	return arg ? next_arg(line, arg) : NULL;
}

/* Slurm gives a plugin one set of options for all components of `srun A : B`, the last one's. */
static int check_components(const struct command_line *line, struct error *err)
{
	cleanup_free char *first = NULL;
	const char *arg = read_component(line, next_arg(line, NULL), &first);

	while (arg) {
		cleanup_free char *said = NULL;

		arg = read_component(line, arg, &said);
		if (first && said && strcmp(first, said) != 0) {
			error_set(
				err, 0,
				"the components of a heterogeneous step ask for different containers");
			return error_remedy(
				err,
				"the same --container options before each ':', or a srun for each");
		}
	}
	return 0;
}

static int check_shape(struct error *err)
{
	struct command_line line;
	int result = 0;

	read_command_line(&line);
	if (check_multi_prog(&line, err) < 0 || check_components(&line, err) < 0)
		result = -1;
	free(line.text);
	return result;
}

/* An image from the environment: in SLURM_CONTAINER it reaches the step whatever --export says. */
static const char *image_of_environment(void)
{
	char variable[SETTINGS_VARIABLE_MAX];
	const char *image = settings_getenv(settings_find("image"), getenv, variable);

	if (image)
		setenv("SLURM_CONTAINER", image, 1);
	return image;
}

static bool has_name(void)
{
	char variable[SETTINGS_VARIABLE_MAX];

	return options_value("name") || settings_getenv(settings_find("name"), getenv, variable);
}

int local_post_opt(bool is_srun, struct error *err)
{
	const char *asked = getenv("SLURM_CONTAINER");
	const char *image = options_value("image");
	char other[64];

	if (asked && image && strcmp(asked, image) != 0) {
		error_set(err, 0,
			  "--container='%s' and --container-image='%s' contradict each other",
			  asked, image);
		return error_remedy(err, "one of the two");
	}
	if (asked && !asked[0]) {
		error_set(err, 0, "--container: empty image path");
		return error_remedy(err, "the path of an image");
	}
	if ((asked && options_set("image", asked, err) < 0) || options_check_environment(err) < 0)
		return -1;
	if (!asked && !image)
		asked = image_of_environment();
	if (!asked && !image && !options_value("name") && is_srun && inherited) {
		setenv("SLURM_CONTAINER", inherited, 1);
		asked = inherited;
	}
	if (!asked && !image && !has_name() && options_any_other(other, sizeof(other))) {
		error_set(err, 0, "--%s without an image", other);
		return error_remedy(err, "--container=FILE as well");
	}
	return is_srun && (asked || image || has_name()) ? check_shape(err) : 0;
}
