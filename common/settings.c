/* SPDX-License-Identifier: BSD-3-Clause */
/* settings.c - see settings.h. */
#include "common/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int set_string(char **field, const char *value, struct error *err)
{
	char *copy = strdup(value);

	if (!copy)
		return error_set(err, ENOMEM, "cannot keep the value");
	free(*field);
	*field = copy;
	return 0;
}

static int set_image(struct settings *settings, const char *value, struct error *err)
{
	if (!value[0]) {
		error_set(err, 0, "empty image path");
		return error_remedy(err, "the path of a squashfs image");
	}
	if (strlen(value) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "image path of %zu bytes", strlen(value));
	return set_string(&settings->image, value, err);
}

static int set_workdir(struct settings *settings, const char *value, struct error *err)
{
	if (value[0] != '/') {
		error_set(err, 0, "'%s' is not an absolute path", value);
		return error_remedy(err, "the path of a directory inside the container");
	}
	if (strlen(value) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "path of %zu bytes", strlen(value));
	return set_string(&settings->workdir, value, err);
}

static int set_mounts(struct settings *settings, const char *value, struct error *err)
{
	struct mountlist mounts = { .items = NULL };

	if (mountlist_parse(&mounts, value, err) < 0) {
		mountlist_done(&mounts);
		return -1;
	}
	mountlist_done(&settings->mounts);
	settings->mounts = mounts;
	return 0;
}

const struct option_def settings_options[] = {
	{ "image", "FILE", "run in a container made from this squashfs image", set_image },
	{ "mounts", "SRC[:DST[:FLAGS]],...", "mount directories or files of the node in it",
	  set_mounts },
	{ "workdir", "DIR", "working directory in it [that of the job]", set_workdir },
	{ NULL, NULL, NULL, NULL },
};

const struct option_def *settings_find(const char *name)
{
	for (const struct option_def *def = settings_options; def->name; def++)
		if (strcmp(def->name, name) == 0)
			return def;
	return NULL;
}

int settings_set(struct settings *settings, const char *name, const char *value, struct error *err)
{
	const struct option_def *def = settings_find(name);

	if (!def)
		return error_set(err, 0, "no option is called '%s'", name);
	return def->set(settings, value, err);
}

void settings_done(struct settings *settings)
{
	free(settings->image);
	free(settings->workdir);
	mountlist_done(&settings->mounts);
	*settings = (struct settings){ .image = NULL };
}
