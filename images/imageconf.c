/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * imageconf.c - see imageconf.h.
 *
 * Which files there are, in which order; oci.c and foreign.c know what is in them. Each read_*()
 * returns 1 where it found what it looks for, 0 where not, -1 with an error.
 */
#include "images/imageconf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/foreign.h"
#include "images/oci.h"

#define OWN_FILE   "/.davit/config.json"
#define APPTAINER  "/.singularity.d"
#define CH_FILE    "/ch/environment"
#define ENROOT_ENV "/etc/environment"
#define ENROOT_RC  "/etc/rc"

void image_config_done(struct image_config *config)
{
	strings_free(config->env);
	strings_free(config->entrypoint);
	strings_free(config->command);
	strings_free(config->labels);
	free(config->workdir);
	*config = (struct image_config){ .origin = NULL };
}

static int refuse_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot keep the image's configuration");
}

/* NUL-terminated; NULL with errno. */
static char *read_text(const struct image_files *files, const char *path, size_t *len)
{
	return image_files_read(files, path, OCI_CONFIG_MAX, len);
}

static int set_entrypoint(struct image_config *config, const char *first, const char *second)
{
	char **list = calloc(3, sizeof(list[0]));

	config->entrypoint = list;
	if (!list)
		return -1;
	list[0] = strdup(first);
	if (!list[0])
		return -1;
	if (!second)
		return 0;
	list[1] = strdup(second);
	return list[1] ? 0 : -1;
}

static int read_own(struct image_config *config, const struct image_files *files,
		    const struct image *image, struct error *err)
{
	size_t len;
	cleanup_free char *text = read_text(files, OWN_FILE, &len);

	if (!text && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	config->origin = OWN_FILE;
	if (!text && errno == EFBIG)
		error_set(err, 0, "it is larger than 1 MiB");
	else if (!text && errno == EINVAL)
		error_set(err, 0, "it is not a regular file");
	else if (!text)
		error_set(err, errno, "cannot read it");
	else if (oci_read_image(config, text, len, err) == 0)
		return 1;
	error_wrap(err, "'%s' in image '%s'", OWN_FILE, image->path);
	return error_remedy(err, "an OCI image configuration there, as 'skopeo inspect --config' "
				 "prints it, or none at all");
}

static int read_bundle(struct image_config *config, const struct image *image, struct error *err)
{
	if (!image->bundle_config)
		return 0;
	config->origin = "config.json";
	if (oci_read_bundle(config, image->bundle_config, strlen(image->bundle_config), err) == 0)
		return 1;
	error_wrap(err, "'config.json' of bundle '%s'", image->path);
	return error_remedy(err, "mend it, or name the root directory itself with --container");
}

/* Each image has these. They serve Apptainer's own command line, apps and libraries of the node,
 * none of which is there; no shell need be started for them. */
static bool is_of_apptainer(const char *name)
{
	static const char *const names[] = { "94-appsbase.sh", "95-apps.sh", "99-base.sh",
					     "99-runtimevars.sh" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool is_script(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && strcmp(name + len - 3, ".sh") == 0 && !is_of_apptainer(name);
}

static int read_script(struct image_config *config, struct variables *env,
		       const struct image_files *files, const char *name)
{
	cleanup_free char *text = NULL;
	char path[sizeof(APPTAINER "/env/") + NAME_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/env/%s", APPTAINER, name);
	text = read_text(files, path, &len);
	return text ? foreign_add_script(env, text, &config->scripts) : 0;
}

static int read_scripts(struct image_config *config, const struct image_files *files)
{
	char **entries = image_files_list(files, APPTAINER "/env");
	struct variables env = { .items = NULL };
	int result = 0;

	for (size_t i = 0; result == 0 && entries && entries[i]; i++)
		if (is_script(entries[i]))
			result = read_script(config, &env, files, entries[i]);
	strings_free(entries);
	config->env = env.items;
	return result;
}

static bool is_executable(const struct image_files *files, const char *path)
{
	struct stat st;

	return image_files_stat(files, path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_mode & 0111);
}

static int read_apptainer(struct image_config *config, const struct image_files *files,
			  struct error *err)
{
	cleanup_free char *labels = NULL;
	struct stat st;
	size_t len;

	if (image_files_stat(files, APPTAINER, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	config->origin = APPTAINER;
	labels = read_text(files, APPTAINER "/labels.json", &len);
	if (labels)
		config->labels = oci_read_labels(labels, len);
	if (read_scripts(config, files) < 0)
		return refuse_memory(err);
	if (is_executable(files, APPTAINER "/runscript") &&
	    set_entrypoint(config, APPTAINER "/runscript", NULL) < 0)
		return refuse_memory(err);
	return 1;
}

static int read_charliecloud(struct image_config *config, const struct image_files *files,
			     struct error *err)
{
	struct variables env = { .items = NULL };
	cleanup_free char *text = NULL;
	size_t len;
	int result;

	text = read_text(files, CH_FILE, &len);
	if (!text)
		return 0;
	config->origin = CH_FILE;
	result = foreign_add_charliecloud(&env, text);
	config->env = env.items;
	return result < 0 ? refuse_memory(err) : 1;
}

/* Either file may be missing. */
static int read_enroot(struct image_config *config, const struct image_files *files,
		       struct error *err)
{
	struct variables env = { .items = NULL };
	size_t len;
	cleanup_free char *text = read_text(files, ENROOT_ENV, &len);
	cleanup_free char *rc = read_text(files, ENROOT_RC, &len);
	const char *workdir = NULL;
	int result = 0;

	if (text) {
		config->origin = ENROOT_ENV;
		result = foreign_add_environment(&env, text);
		config->env = env.items;
	}
	if (rc) {
		if (!text)
			config->origin = ENROOT_RC;
		workdir = foreign_find_workdir(rc);
		if (result == 0)
			result = set_entrypoint(config, "/bin/sh", ENROOT_RC);
	}
	if (result == 0 && workdir) {
		config->workdir = strdup(workdir);
		result = config->workdir ? 0 : -1;
	}
	return result < 0 ? refuse_memory(err) : config->origin != NULL;
}

static int read_first(struct image_config *config, const struct image_files *files,
		      const struct image *image, struct error *err)
{
	int found = read_own(config, files, image, err);

	if (found == 0)
		found = read_bundle(config, image, err);
	if (found == 0)
		found = read_apptainer(config, files, err);
	if (found == 0)
		found = read_charliecloud(config, files, err);
	if (found == 0)
		found = read_enroot(config, files, err);
	return found;
}

int image_config_read_files(struct image_config *config, const struct image_files *files,
			    const struct image *image, struct error *err)
{
	*config = (struct image_config){ .origin = NULL };
	if (read_first(config, files, image, err) < 0) {
		image_config_done(config);
		return -1;
	}
	return 0;
}

int image_config_read(struct image_config *config, int root, const struct image *image,
		      struct error *err)
{
	const struct image_files files = { .root = root };

	return image_config_read_files(config, &files, image, err);
}
