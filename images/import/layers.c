/* SPDX-License-Identifier: BSD-3-Clause */
/* layers.c - see layers.h: manifests and configurations, as the OCI's image-spec has them. */
#include "images/import/layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/digest.h"
#include "common/fd.h"
#include "images/json.h"
#include "images/oci.h"

/* As `uname -m` says, and as Go does. */
static const char *const archs[][2] = {
	{ "x86_64", "amd64" },    { "aarch64", "arm64" },       { "ppc64le", "ppc64le" },
	{ "riscv64", "riscv64" }, { "s390x", "s390x" },         { "i686", "386" },
	{ "armv7l", "arm" },      { "loongarch64", "loong64" },
};

const char *layers_this_arch(void)
{
	static struct utsname name;

	if (uname(&name) < 0)
		return "unknown";
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (strcmp(name.machine, archs[i][0]) == 0)
			return archs[i][1];
	return name.machine;
}

void layers_add_word(char *list, size_t size, const char *word)
{
	size_t used = strlen(list), len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ',' || at[len] == '\0'))
			return;
	if (len > 0 && used + len + sizeof(", ...") < size)
		snprintf(list + used, size - used, "%s%s", used ? ", " : "", word);
	else if (len > 0 && used > 0 && list[used - 1] != '.')
		snprintf(list + used, size - used, ", ...");
}

void layers_done(struct layers *layers)
{
	if (layers->done)
		layers->done(layers);
	for (size_t i = 0; i < layers->count; i++) {
		free(layers->list[i].digest);
		free(layers->list[i].diff_id);
	}
	free(layers->config);
	*layers = (struct layers){ .count = 0 };
}

static json_t *parse(const char *what, const char *text, size_t len, struct error *err)
{
	json_error_t error;
	json_t *json = json_loadb(text, len, 0, &error);

	if (!json)
		error_set(err, 0, "the image's %s, line %d: %s", what, error.line, error.text);
	return json;
}

/* A digest of a kind that can be checked, in a fresh string. */
static char *take_digest(json_t *value, const char *what, struct error *err)
{
	const char *text = json_string_value(value);
	char digest[DIGEST_TEXT_SIZE];

	if (!text || strncmp(text, "sha256:", 7) != 0 || digest_parse(text, digest, err) < 0) {
		error_set(err, 0, "the image's %s has no digest by SHA-256: '%s'", what,
			  text ? text : "");
		return NULL;
	}
	return strdup(digest);
}

int layers_read_manifest(struct layers *layers, const char *text, size_t len, char **config,
			 struct error *err)
{
	cleanup_json json_t *manifest = parse("manifest", text, len, err);
	json_t *list = json_object_get(manifest, "layers"), *layer;
	size_t i;

	*config = NULL;
	if (!manifest)
		return -1;
	if (!json_is_array(list))
		return error_set(err, 0,
				 "the image's manifest has no layers: it is none of an image, "
				 "or older than Docker's schema 2");
	if (json_array_size(list) > LAYERS_MAX)
		return error_set(err, 0, "the image has %zu layers, more than %d",
				 json_array_size(list), LAYERS_MAX);
	json_array_foreach(list, i, layer)
	{
		json_t *size = json_object_get(layer, "size");

		layers->list[i].digest =
			take_digest(json_object_get(layer, "digest"), "layer", err);
		layers->list[i].size = json_is_integer(size) ? json_integer_value(size) : -1;
		layers->count = i + 1;
		if (!layers->list[i].digest)
			return -1;
	}
	layers->config_size = (size_t)json_integer_value(
		json_object_get(json_object_get(manifest, "config"), "size"));
	*config = take_digest(json_object_get(json_object_get(manifest, "config"), "digest"),
			      "configuration", err);
	return *config ? 0 : -1;
}

/* What a container could not be started with is told now, not by a job. */
static int check_config(const char *text, size_t len, struct error *err)
{
	struct image_config config = { .origin = NULL };
	int result = oci_read_image(&config, text, len, err);

	image_config_done(&config);
	return result < 0 ? error_wrap(err, "the image's configuration") : 0;
}

int layers_take_config(struct layers *layers, char *text, size_t len, struct error *err)
{
	cleanup_json json_t *config = parse("configuration", text, len, err);
	json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids"), *id;
	size_t i;

	layers->config = text;
	layers->config_size = len;
	if (!config)
		return -1;
	if (!json_is_array(ids) || json_array_size(ids) != layers->count)
		return error_set(err, 0,
				 "the image's configuration is of %zu layers, its manifest of %zu",
				 json_array_size(ids), layers->count);
	if (check_config(text, len, err) < 0)
		return -1;
	json_array_foreach(ids, i, id)
	{
		layers->list[i].diff_id = take_digest(id, "layer", err);
		if (!layers->list[i].diff_id)
			return -1;
	}
	return 0;
}
