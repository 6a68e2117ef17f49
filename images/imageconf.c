/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * imageconf.c - see imageconf.h.
 *
 * Which files there are, in which order; oci.c and foreign.c know what is in them. Each read_*()
 * returns 1 where it found what it looks for, 0 where not, -1 with an error.
 */
#include "images/imageconf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
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

/* The content of the file `path` below `root`, NUL-terminated; NULL with errno. */
static char *read_text(int root, const char *path, size_t *len)
{
	cleanup_close int fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	return fd_read_regular(fd, OCI_CONFIG_MAX, len);
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

static int read_own(struct image_config *config, int root, const struct image *image,
		    struct error *err)
{
	size_t len;
	cleanup_free char *text = read_text(root, OWN_FILE, &len);

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

static int is_script(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 3 && strcmp(entry->d_name + len - 3, ".sh") == 0 &&
	       !is_of_apptainer(entry->d_name);
}

/* Not alphasort(), which follows the user's locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_script(struct image_config *config, struct variables *env, int root,
		       const char *name)
{
	cleanup_free char *text = NULL;
	char path[sizeof(APPTAINER "/env/") + NAME_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/env/%s", APPTAINER, name);
	text = read_text(root, path, &len);
	return text ? foreign_add_script(env, text, &config->scripts) : 0;
}

static int read_scripts(struct image_config *config, int root)
{
	cleanup_close int dir = open_in_root(root, APPTAINER "/env", O_RDONLY | O_DIRECTORY);
	struct variables env = { .items = NULL };
	struct dirent **entries = NULL;
	int count, result = 0;

	count = dir < 0 ? 0 : scandirat(dir, ".", &entries, is_script, compare);
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = read_script(config, &env, root, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	config->env = env.items;
	return result;
}

static bool is_executable(int root, const char *path)
{
	cleanup_close int fd = open_in_root(root, path, O_PATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static int read_apptainer(struct image_config *config, int root, struct error *err)
{
	cleanup_close int dir = open_in_root(root, APPTAINER, O_PATH | O_DIRECTORY);
	cleanup_free char *labels = NULL;
	size_t len;

	if (dir < 0)
		return 0;
	config->origin = APPTAINER;
	labels = read_text(root, APPTAINER "/labels.json", &len);
	if (labels)
		config->labels = oci_read_labels(labels, len);
	if (read_scripts(config, root) < 0)
		return refuse_memory(err);
	if (is_executable(root, APPTAINER "/runscript") &&
	    set_entrypoint(config, APPTAINER "/runscript", NULL) < 0)
		return refuse_memory(err);
	return 1;
}

static int read_charliecloud(struct image_config *config, int root, struct error *err)
{
	struct variables env = { .items = NULL };
	cleanup_free char *text = NULL;
	size_t len;
	int result;

	text = read_text(root, CH_FILE, &len);
	if (!text)
		return 0;
	config->origin = CH_FILE;
	result = foreign_add_charliecloud(&env, text);
	config->env = env.items;
	return result < 0 ? refuse_memory(err) : 1;
}

/* Either file may be missing. */
static int read_enroot(struct image_config *config, int root, struct error *err)
{
	struct variables env = { .items = NULL };
	size_t len;
	cleanup_free char *text = read_text(root, ENROOT_ENV, &len);
	cleanup_free char *rc = read_text(root, ENROOT_RC, &len);
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

static int read_first(struct image_config *config, int root, const struct image *image,
		      struct error *err)
{
	int found = read_own(config, root, image, err);

	if (found == 0)
		found = read_bundle(config, image, err);
	if (found == 0)
		found = read_apptainer(config, root, err);
	if (found == 0)
		found = read_charliecloud(config, root, err);
	if (found == 0)
		found = read_enroot(config, root, err);
	return found;
}

int image_config_read(struct image_config *config, int root, const struct image *image,
		      struct error *err)
{
	*config = (struct image_config){ .origin = NULL };
	if (read_first(config, root, image, err) < 0) {
		image_config_done(config);
		return -1;
	}
	return 0;
}
