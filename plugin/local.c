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

#include <errno.h>
#include <slurm/spank.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/settings.h"
#include "plugin/cmdline.h"
#include "plugin/components.h"
#include "plugin/options.h"

static char *inherited_image;

static void put_aside(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		return;
	if (!inherited_image && value[0])
		inherited_image = strdup(value);
	unsetenv(name);
}

static bool has_option(const struct cmdline *line, const char *name)
{
	char srun_name[64];

	settings_srun_name(name, srun_name, sizeof(srun_name));
	return cmdline_has(line, 0, line->argc, srun_name);
}

/* Slurm's plugstack.c hands an option of ours down to a nested srun, and to prologs. */
static void forget(const char *name)
{
	char variable[160] = "SLURM_SPANK_";
	char *own = variable + strlen(variable);

	options_variable(name, own, sizeof(variable) - strlen(variable));
	if (strcmp(name, "image") == 0) {
		put_aside(own);
		put_aside(variable);
	} else {
		unsetenv(own);
		unsetenv(variable);
	}
}

void local_init(bool is_srun)
{
	struct error ignored = ERROR_INIT; /* local_post_opt() tells */
	struct cmdline line;

	put_aside("SLURM_CONTAINER");
	unsetenv(COMPONENTS_ENV);
	(void)cmdline_read(&line, &ignored);
	for (const struct option_def *def = settings_options; def->name; def++) {
		bool is_image = def == settings_options;

		/* Of two that exclude each other, the one asked for here outweighs the other. */
		if (is_image || !is_srun || (def->opposite && has_option(&line, def->opposite)))
			forget(def->name);
		if (def->opposite && (!is_srun || has_option(&line, def->name)))
			forget(def->opposite);
	}
	cmdline_done(&line);
	options_remember();
}

#if !HAVE_DECL_SPANK_PREPEND_TASK_ARGV
/* slurmstepd makes the commands of --multi-prog itself and shows them to no plugin before 23.11, so
 * they would run on the node. */
static int check_multi_prog(const struct cmdline *line, const struct component *component,
			    struct error *err)
{
	for (int i = component->begin + 1; i < component->options_end; i++) {
		const char *arg = line->argv[i];

		if (strlen(arg) >= 4 && strncmp(arg, "--multi-prog", strlen(arg)) == 0) {
			error_set(
				err, 0,
				"--container and --multi-prog do not go together before Slurm 23.11");
			return error_remedy(
				err, "a script inside the container that looks at $SLURM_PROCID");
		}
	}
	return 0;
}
#else
static int check_multi_prog(const struct cmdline *line, const struct component *component,
			    struct error *err)
{
	(void)line;
	(void)component;
	(void)err;
	return 0;
}
#endif

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

/* What this component asked for. `asked` is its --container, or NULL. Sets `wants` if that is a
 * container. */
static int check_request(bool is_srun, const char *asked, bool *wants, struct error *err)
{
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
	if (!asked && !image && !options_value("name") && is_srun && inherited_image) {
		setenv("SLURM_CONTAINER", inherited_image, 1);
		asked = inherited_image;
	}
	if (!asked && !image && !has_name() && options_any_other(other, sizeof(other))) {
		error_set(err, 0, "--%s without an image", other);
		return error_remedy(err, "--container=FILE as well");
	}
	*wants = asked || image || has_name();
	return 0;
}

/* Slurm does not take --container back from one component to the next. So was it given for this
 * one, or for one before? */
static bool is_given(const struct cmdline *line, const struct component *component, int group)
{
	char het[64], pack[64];

	snprintf(het, sizeof(het), "SRUN_CONTAINER_HET_GROUP_%d", group);
	snprintf(pack, sizeof(pack), "SRUN_CONTAINER_PACK_GROUP_%d", group);
	if (getenv("SRUN_CONTAINER") || getenv(het) || getenv(pack))
		return true;
	return cmdline_has(line, component->begin, component->options_end, "container");
}

/* Slurm comes by once for each component, and once for each group that --het-group names. */
static struct {
	int number, group, begin;
	bool groups[HET_GROUPS_MAX]; /* still to come for this component */
	bool is_het;
} progress;

/* The next group of this component; -1 when there is none. */
static int next_group(void)
{
	int group = 0;

	while (group < HET_GROUPS_MAX && !progress.groups[group])
		group++;
	return group < HET_GROUPS_MAX ? group : -1;
}

/* Puts the options of one component of many aside, so that the next starts from nothing. */
static int keep_component(bool is_mistaken, bool is_last, struct error *err)
{
	const char *asked = getenv("SLURM_CONTAINER");

	if ((asked && options_take("image", asked, err) < 0) || options_inherit(err) < 0 ||
	    components_add(progress.group, is_mistaken, err) < 0)
		return -1;
	unsetenv("SLURM_CONTAINER");
	options_forget();
	return is_last ? components_export(err) : 0;
}

static int post_component(const struct cmdline *line, struct error *err)
{
	struct component component = cmdline_component(line, progress.begin, optind, true);
	bool is_mistaken, is_last, wants = false;
	const char *asked;

	progress.group = next_group();
	if (progress.group < 0) {
		if (cmdline_groups(line, &component, progress.number, progress.groups, err) < 0)
			return -1;
		progress.group = next_group();
	}
	progress.groups[progress.group] = false;
	is_last = next_group() < 0 && component.next < 0;
	progress.is_het |= !is_last;

	asked = getenv("SLURM_CONTAINER");
	is_mistaken = asked && progress.is_het && !is_given(line, &component, progress.group);
	if (is_mistaken) {
		unsetenv("SLURM_CONTAINER");
		asked = NULL;
	}
	if (check_request(true, asked, &wants, err) < 0 ||
	    (wants && check_multi_prog(line, &component, err) < 0))
		return -1;
	if (progress.is_het && keep_component(is_mistaken && !wants, is_last, err) < 0)
		return -1;
	if (next_group() < 0) {
		progress.begin = component.next >= 0 ? component.next : 0;
		progress.number++;
	}
	return 0;
}

/* What the first component of a job asked for. */
static char *first_options, *first_container;

static bool differ(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

/* Of the components of a job, the first alone has something to run: the batch script, the shell.
 * What another one asks for would come to nothing, or instead of what the first asked for. (For the
 * options of a script, sbatch gives the first one's again, after those of the other.) */
static int check_other(const struct cmdline *line, const struct component *component,
		       const char *options, struct error *err)
{
	const char *asked = cmdline_value(line, component, "container");
	const char *container = getenv("SLURM_CONTAINER");

	if ((asked && differ(asked, container)) || differ(container, first_container) ||
	    options_replaced() || (options[0] && strcmp(options, first_options) != 0)) {
		error_set(err, 0,
			  "a component of the job but the first asks for another container");
		return error_remedy(err,
				    "the options of the first alone; or give them to each srun "
				    "in the job");
	}
	return 0;
}

/* The options that are set as one text, to compare. */
static char *joined_options(void)
{
	size_t len = 0;
	char *text = options_text(&len);

	for (size_t i = 0; text && i + 1 < len; i++)
		text[i] = text[i] ? text[i] : '\n';
	return text;
}

static int post_job(const struct cmdline *line, struct error *err)
{
	struct component component = cmdline_component(line, progress.begin, optind, false);
	cleanup_free char *options = joined_options();
	const char *container;
	bool wants;

	if (!options)
		return error_set(err, ENOMEM, "cannot keep the container options");
	if (progress.number++ > 0 && check_other(line, &component, options, err) < 0)
		return -1;
	if (progress.number == 1) {
		if (check_request(false, getenv("SLURM_CONTAINER"), &wants, err) < 0)
			return -1;
		container = getenv("SLURM_CONTAINER");
		first_container = container ? strdup(container) : NULL;
		first_options = steal_ptr(&options);
	}
	options_forget();
	if (component.next >=
	    0) /* else they are parts of a script, with one command line for all */
		progress.begin = component.next;
	return 0;
}

int local_post_opt(bool is_srun, struct error *err)
{
	struct cmdline line;
	int result = cmdline_read(&line, err);

	if (result == 0)
		result = is_srun ? post_component(&line, err) : post_job(&line, err);
	cmdline_done(&line);
	return result;
}
