/* SPDX-License-Identifier: BSD-3-Clause */
/* environment.c - see environment.h. */
#include "launcher/env/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/env/locale.h"
#include "launcher/env/scripts.h"

#define SCRIPTS      "/.singularity.d/env"
#define NO_MEMORY    "cannot keep the changes to the environment"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What Slurm, its plugins for MPI, networks and GPUs, and mpirun set for a step or a rank. */
static const char *const of_slurm[] = {
	"SLURM*",
	"PMI*",
	"PALS_*",
	"SLINGSHOT_*",
	"OMPI_*",
	"PRTE_*",
	"HYDI_*",
	"MPI_LOCAL*",
	"CUDA_VISIBLE_DEVICES",
	"CUDA_MPS_*",
	"ROCR_VISIBLE_DEVICES",
	"ZE_AFFINITY_MASK",
	"GPU_DEVICE_ORDINAL",
	NULL,
};

static const char *const of_user[] = { "HOME", "USER", "LOGNAME", NULL };

/* What else is let in with clean-env. */
static const char *const of_session[] = { "SHELL",   "TERM",    "TZ",      "LANG", "LC_*",
					  "*_proxy", "*_PROXY", "DAVIT_*", NULL };

/* What a shell changes by itself. */
static const char *const of_shell[] = { "PWD", "OLDPWD", "SHLVL", "_", NULL };

static bool is_one_of(const char *const *patterns, const char *name)
{
	for (; *patterns; patterns++)
		if (edits_match(*patterns, name))
			return true;
	return false;
}

static int add_each(struct edits *edits, enum edit op, const char *const *texts, struct error *err)
{
	for (; texts && *texts; texts++)
		if (edits_add(edits, op, *texts, err) < 0)
			return -1;
	return 0;
}

static int add_set(struct edits *edits, const char *name, const char *value, struct error *err)
{
	cleanup_free char *text = NULL;

	if (asprintf(&text, "%s=%s", name, value) < 0) {
		text = NULL;
		return error_set(err, ENOMEM, NO_MEMORY);
	}
	return edits_add(edits, EDIT_SET, text, err);
}

/* What the edits will have made of the builder's environment. */
static char **preview(const struct edits *edits, struct error *err)
{
	return edits_result(environ, edits->text, edits->len, err);
}

/* ---- the job's ------------------------------------------------------------------------------- */

static int add_job(struct edits *edits, const struct environment *environment, struct error *err)
{
	if (add_each(edits, EDIT_UNSET, (const char *const *)environment->host_only, err) < 0)
		return -1;
	if (environment->settings->clean_env != CHOICE_YES)
		return 0;
	if (add_each(edits, EDIT_ONLY, of_slurm, err) < 0 ||
	    add_each(edits, EDIT_ONLY, of_user, err) < 0 ||
	    add_each(edits, EDIT_ONLY, of_session, err) < 0)
		return -1;
	return add_set(edits, "PATH", DEFAULT_PATH, err);
}

/* ---- the image's ----------------------------------------------------------------------------- */

static const char *find(char *const *env, const char *name, size_t len)
{
	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

/* May an image say what the variable of this entry is, where the job has `job`? */
static bool is_open(const char *entry, char *const *job)
{
	char name[NAME_MAX + 1];
	size_t len = strcspn(entry, "=");

	if (len >= sizeof(name))
		return true; /* none of those below is that long */
	memcpy(name, entry, len);
	name[len] = '\0';
	return !is_one_of(of_user, name) && !is_one_of(of_shell, name) &&
	       !(is_one_of(of_slurm, name) && find(job, name, len));
}

/* Makes edits of what differs. Of variables with odd names, shells drop some and keep others. */
static int add_difference(struct edits *edits, char *const *before, char *const *after,
			  struct error *err)
{
	for (char *const *entry = after; *entry; entry++) {
		size_t len = strcspn(*entry, "=");
		const char *old = find(before, *entry, len);

		if (env_is_name(*entry, len) && is_open(*entry, before) &&
		    (!old || strcmp(old, *entry + len + 1) != 0) &&
		    edits_add(edits, EDIT_SET, *entry, err) < 0)
			return -1;
	}
	for (char *const *entry = before; *entry; entry++) {
		size_t len = strcspn(*entry, "=");
		cleanup_free char *name = strndup(*entry, len);

		if (!name)
			return error_set(err, ENOMEM, NO_MEMORY);
		if (env_is_name(name, len) && is_open(name, before) && !find(after, name, len) &&
		    edits_add(edits, EDIT_UNSET, name, err) < 0)
			return -1;
	}
	return 0;
}

static int add_scripts(struct edits *edits, const struct environment *environment,
		       struct error *err)
{
	cleanup_free char **before = NULL, **after = NULL;

	if (access("/bin/sh", X_OK) < 0)
		return 0; /* what could be told without a shell has to do */
	before = preview(edits, err);
	if (!before)
		return -1;
	after = scripts_source(SCRIPTS, before, environment->settings->entrypoint_log == CHOICE_YES,
			       environment->filter, err);
	if (!after)
		return error_wrap(err, "cannot run the image's scripts in '" SCRIPTS "'");
	return add_difference(edits, before, after, err);
}

static int add_image(struct edits *edits, const struct environment *environment, struct error *err)
{
	const struct image_config *image = environment->image;
	cleanup_free char **job = NULL;

	if (!image)
		return 0;
	job = preview(edits, err);
	if (!job)
		return -1;
	for (char *const *entry = image->env; entry && *entry; entry++)
		if (is_open(*entry, job) && edits_add(edits, EDIT_SET, *entry, err) < 0)
			return error_wrap(err, "the image's environment");
	return image->scripts ? add_scripts(edits, environment, err) : 0;
}

/* Where the image's MPI is installed tells nothing of the node's, which may itself have been moved. */
static int add_host_mpi(struct edits *edits, struct error *err)
{
	static const char *const names[] = { "OPAL_PREFIX", "PMIX_INSTALL_PREFIX", "PMIX_PREFIX" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (edits_add(edits, EDIT_UNSET, names[i], err) < 0 ||
		    edits_add(edits, EDIT_JOB, names[i], err) < 0)
			return -1;
	return 0;
}

/* ---- the user's, and what follows ------------------------------------------------------------ */

static int add_named(struct edits *edits, const struct envlist *env, struct error *err)
{
	for (size_t i = 0; i < env->count; i++) {
		const struct envspec *spec = &env->items[i];

		if ((spec->value ? add_set(edits, spec->name, spec->value, err)
				 : edits_add(edits, EDIT_JOB, spec->name, err)) < 0)
			return -1;
	}
	return 0;
}

static bool is_named(const struct envlist *env, const char *name)
{
	for (size_t i = 0; i < env->count; i++)
		if (strcmp(env->items[i].name, name) == 0)
			return true;
	return false;
}

static int add_locale(struct edits *edits, const struct settings *settings, struct error *err)
{
	static const char *const names[] = { "LANG",           "LC_ALL",           "LC_CTYPE",
					     "LC_NUMERIC",     "LC_TIME",          "LC_COLLATE",
					     "LC_MONETARY",    "LC_MESSAGES",      "LC_PAPER",
					     "LC_NAME",        "LC_ADDRESS",       "LC_TELEPHONE",
					     "LC_MEASUREMENT", "LC_IDENTIFICATION" };
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char **env = preview(edits, err);

	if (!env)
		return -1;
	/* Who sets these has locales elsewhere. */
	if (find(env, "LOCPATH", strlen("LOCPATH")) ||
	    find(env, "LOCALE_ARCHIVE", strlen("LOCALE_ARCHIVE")))
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = find(env, names[i], strlen(names[i]));

		if (value && value[0] && !is_named(&settings->env, names[i]) &&
		    !locale_exists(root, value) && add_set(edits, names[i], "C.UTF-8", err) < 0)
			return -1;
	}
	return 0;
}

static int add_container(struct edits *edits, const struct environment *environment,
			 struct error *err)
{
	if (add_set(edits, "DAVIT_IMAGE", environment->image_path, err) < 0 ||
	    edits_add(edits, EDIT_UNSET, "DAVIT_ENTERED", err) < 0)
		return -1;
	return environment->name ? add_set(edits, "DAVIT_NAME", environment->name, err)
				 : edits_add(edits, EDIT_UNSET, "DAVIT_NAME", err);
}

int environment_make(struct edits *edits, const struct environment *environment, struct error *err)
{
	if (add_job(edits, environment, err) < 0 || add_image(edits, environment, err) < 0)
		return -1;
	if (environment->host_mpi && add_host_mpi(edits, err) < 0)
		return -1;
	if (environment->devices && edits_append(edits, environment->devices, err) < 0)
		return -1;
	if (environment->site && edits_append(edits, environment->site, err) < 0)
		return -1;
	if (add_named(edits, &environment->settings->env, err) < 0 ||
	    add_locale(edits, environment->settings, err) < 0)
		return -1;
	return add_container(edits, environment, err);
}
