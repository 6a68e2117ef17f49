/* SPDX-License-Identifier: BSD-3-Clause */
/* name.c - what an imported image is called, where the user does not say: see import.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/import/import.h"

static const char *const endings[] = {
	".gz", ".zst", ".xz", ".bz2", ".tar", ".tgz", ".sif", ".oci"
};

static void cut_ending(char *name)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t len = strlen(name), size = strlen(endings[i]);

		if (len > size && strcmp(name + len - size, endings[i]) == 0)
			name[len - size] = '\0';
	}
}

/* NAME and TAG of "[HOST[:PORT]/][PATH/]NAME[:TAG][@DIGEST]". */
static void take_reference(char *text, char **name, char **tag)
{
	char *slash;

	text[strcspn(text, "@")] = '\0';
	slash = strrchr(text, '/');
	*name = slash ? slash + 1 : text;
	*tag = strchr(*name, ':');
	if (*tag)
		*(*tag)++ = '\0';
}

char *import_name(const char *source, struct error *err)
{
	bool is_file = !strstr(source, "://");
	const char *colon = strchr(source, ':');
	cleanup_free char *text = NULL;
	char *name, *tag, *result = NULL;

	if (strncmp(source, "docker://", 9) == 0)
		colon = source + 8;
	text = strdup(colon ? colon + (colon[1] == '/' && !is_file ? 2 : 1) : source);
	if (!text) {
		error_set(err, ENOMEM, "cannot name the image");
		return NULL;
	}
	while (strlen(text) > 1 && text[strlen(text) - 1] == '/')
		text[strlen(text) - 1] = '\0';
	take_reference(text, &name, &tag);
	cut_ending(name);
	if (!name[0] || strcmp(name, "-") == 0 || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0) {
		error_set(err, 0, "'%s' tells no name for the image", source);
		error_remedy(err, "davit image import SOURCE FILE.sqfs");
		return NULL;
	}
	if (asprintf(&result, "%s%s%s.sqfs", name, tag && tag[0] ? "+" : "", tag ? tag : "") < 0) {
		error_set(err, ENOMEM, "cannot name the image");
		return NULL;
	}
	if (tag)
		for (char *at = result; *at; at++)
			*at = *at == '/' ? '+' : *at;
	return result;
}
