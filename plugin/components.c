/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * components.c - see components.h.
 *
 * No item of SPANK tells a slurmstepd its component. In a heterogeneous job the components have job
 * ids of their own, and the step's environment says which is whose. In a step of several components
 * within one job only slurmstepd's own title tells: "slurmstepd: [7.0+1]". Where neither does, the
 * step fails.
 */
#include "plugin/components.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "plugin/cmdline.h"
#include "plugin/options.h"

#define US '\037' /* in front of an option */
#define RS '\036' /* behind a component */

/* --- in srun ---------------------------------------------------------------------------------- */

static char *parts[HET_GROUPS_MAX]; /* by group */
static int count;

int components_add(int group, bool is_mistaken, struct error *err)
{
	size_t len = 0, size = 0;
	cleanup_free char *options = options_text(&len);
	cleanup_free char *part = NULL;
	FILE *out = options ? open_memstream(&part, &size) : NULL;

	if (!out)
		return error_set(err, ENOMEM, "cannot keep the options of a component");
	fprintf(out, "%d%s", group, is_mistaken ? "*" : "");
	for (const char *at = options; at < options + len; at += strlen(at) + 1) {
		if (strchr(at, US) || strchr(at, RS)) {
			fclose(out);
			error_set(err, 0, "a container option has a control character: '%s'", at);
			return error_remedy(err, "a srun for each component");
		}
		fprintf(out, "%c%s", US, at);
	}
	fputc(RS, out);
	if (fclose(out) != 0)
		return error_set(err, ENOMEM, "cannot keep the options of a component");
	count += !parts[group];
	free(parts[group]);
	parts[group] = steal_ptr(&part);
	return 0;
}

int components_export(struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	FILE *out;

	if (count < 2)
		return 0;
	out = open_memstream(&text, &len);
	for (int i = 0; out && i < HET_GROUPS_MAX; i++)
		fputs(parts[i] ? parts[i] : "", out);
	if (!out || fclose(out) != 0 || len >= COMPONENTS_MAX ||
	    setenv(COMPONENTS_ENV, text, 1) < 0) {
		error_set(err, 0,
			  "cannot hand the container options of %d components over: %zu bytes",
			  count, len);
		return error_remedy(err, "fewer options, or a srun for each component");
	}
	return 1;
}

/* --- in slurmstepd ---------------------------------------------------------------------------- */

/* "slurmstepd: [7.0+1]" */
static int index_in_title(void)
{
	char title[128] = "";
	cleanup_close int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	unsigned int index;

	if (fd < 0 || read(fd, title, sizeof(title) - 1) < 0 ||
	    sscanf(title, "slurmstepd: [%*u.%*u+%3u]", &index) != 1)
		return -1;
	return (int)index;
}

/* The component of the job with this job id, by the variables that sbatch, salloc and srun set. */
static int group_of_job(spank_t spank)
{
	static const char *const names[] = { "SLURM_JOB_ID_HET_GROUP", "SLURM_JOB_ID_PACK_GROUP" };
	char variable[64], value[16], own[16];
	uint32_t job = 0;

	if (spank_get_item(spank, S_JOB_ID, &job) != ESPANK_SUCCESS)
		return -1;
	snprintf(own, sizeof(own), "%u", job);
	for (int i = 0; i < 2 * HET_GROUPS_MAX; i++) {
		snprintf(variable, sizeof(variable), "%s_%d", names[i % 2], i / 2);
		if (spank_getenv(spank, variable, value, sizeof(value)) == ESPANK_SUCCESS &&
		    strcmp(value, own) == 0)
			return i / 2;
	}
	return -1;
}

static int take_options(char *text, bool *is_mistaken, struct error *err)
{
	char *option = strsep(&text, (const char[]){ US, '\0' });

	*is_mistaken = strchr(option, '*');
	while ((option = strsep(&text, (const char[]){ US, '\0' }))) {
		char *value = strchr(option, '=');

		if (!value)
			return error_set(err, 0, COMPONENTS_ENV " is damaged");
		*value++ = '\0';
		if (options_take(option, value, err) < 0)
			return -1;
	}
	return 0;
}

static const char *options_in(const char *part)
{
	return part + strcspn(part, (const char[]){ US, '\0' });
}

/* The part of the component `id`; or any, where all asked for the same. */
static char *find_part(char *text, struct component_id id)
{
	char *first = NULL, *part;
	bool same = true;

	for (int i = 0; (part = strsep(&text, (const char[]){ RS, '\0' })) && part[0]; i++) {
		if (id.index >= 0 ? i == id.index : atoi(part) == id.group)
			return part;
		first = first ? first : part;
		same = same && strcmp(options_in(first), options_in(part)) == 0;
	}
	return same && id.index < 0 && id.group < 0 ? first : NULL;
}

int components_take(char *text, struct component_id id, bool *is_mistaken, struct error *err)
{
	char *part = find_part(text, id);

	options_forget();
	if (part)
		return take_options(part, is_mistaken, err);
	error_set(err, 0, "cannot tell which component of the heterogeneous step this is");
	return error_remedy(err, "a srun for each component");
}

int components_choose(spank_t spank, bool *is_mistaken, struct error *err)
{
	struct component_id id = { .index = -1, .group = -1 };
	cleanup_free char *text = NULL;
	const char *image;
	char byte[1];

	*is_mistaken = false;
	if (spank_getenv(spank, COMPONENTS_ENV, byte, sizeof(byte)) == ESPANK_ENV_NOEXIST)
		return 0;
	text = malloc(COMPONENTS_MAX);
	if (!text)
		return error_set(err, ENOMEM, COMPONENTS_ENV);
	if (spank_getenv(spank, COMPONENTS_ENV, text, COMPONENTS_MAX) != ESPANK_SUCCESS)
		return error_set(err, 0, COMPONENTS_ENV " is damaged");
	spank_unsetenv(spank, COMPONENTS_ENV);
	spank_unsetenv(spank, "SLURM_CONTAINER");
	options_clean(spank);
	id.index = index_in_title();
	if (id.index < 0)
		id.group = group_of_job(spank);
	if (components_take(text, id, is_mistaken, err) < 0)
		return -1;
	image = options_value("image");
	if (image && spank_setenv(spank, "SLURM_CONTAINER", image, 1) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm refuses to set SLURM_CONTAINER");
	return 0;
}
