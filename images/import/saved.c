/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * saved.c - layers from what `docker save` writes: see layers.h.
 *
 * Its manifest.json is a list of images: for each the names of the files that are its configuration and its
 * layers, the lowest first, and what it is called. Layers have no digests but those in the configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/crypto.h"
#include "images/json.h"
#include "images/import/layers.h"
#include "images/import/members.h"

#define TEXT_MAX ((size_t)8 << 20)
#define MAGIC    "ustar" /* of a tar, POSIX's or GNU's */
#define MAGIC_AT 257

struct saved {
	struct members *members;
	char *names[LAYERS_MAX];
};

/* Docker Hub's images are called so with its name and without. */
static const char *behind_hub(const char *name)
{
	static const char hub[] = "docker.io/", own[] = "library/";

	if (strncmp(name, hub, strlen(hub)) != 0)
		return name;
	name += strlen(hub);
	return strncmp(name, own, strlen(own)) == 0 ? name + strlen(own) : name;
}

/* "NAME" is "NAME:latest". */
static bool is_tag(const char *tag, const char *wanted)
{
	const char *name = behind_hub(tag), *own = behind_hub(wanted);
	const char *slash = strrchr(own, '/');
	const char *behind = strchr(slash ? slash : own, ':') ? "" : ":latest";
	size_t len = strlen(own);

	return strncmp(name, own, len) == 0 && strcmp(name + len, behind) == 0;
}

static bool has_tag(json_t *image, const char *wanted)
{
	json_t *tag;
	size_t i;

	json_array_foreach(json_object_get(image, "RepoTags"), i,
			   tag) if (json_is_string(tag) &&
				    is_tag(json_string_value(tag), wanted)) return true;
	return false;
}

/* What there is to choose from. */
static int tell_choice(json_t *manifest, struct error *err)
{
	char words[200] = "";
	json_t *image, *tag;
	size_t i, j;

	json_array_foreach(manifest, i, image)
	{
		json_array_foreach(json_object_get(image, "RepoTags"), j, tag)
		{
			if (json_is_string(tag))
				layers_add_word(words, sizeof(words), json_string_value(tag));
		}
	}
	if (!words[0])
		return error_remedy(err, "docker-archive:FILE:@N, N from 0 to %zu",
				    json_array_size(manifest) - 1);
	return error_remedy(err, "docker-archive:FILE:NAME, where NAME is of %s", words);
}

/* By its name, its number as "@N", or because there is no other; borrowed. */
static json_t *choose(json_t *manifest, const char *wanted, struct error *err)
{
	size_t count = json_array_size(manifest), i, number;
	json_t *image;
	char *end;

	if (count == 0) {
		error_set(err, 0, "the archive has no image");
		return NULL;
	}
	if (wanted && wanted[0] == '@') {
		number = strtoul(wanted + 1, &end, 10);
		if (wanted[1] >= '0' && wanted[1] <= '9' && !*end && number < count)
			return json_array_get(manifest, number);
	} else if (wanted) {
		json_array_foreach(manifest, i, image) if (has_tag(image, wanted)) return image;
	} else if (count == 1) {
		return json_array_get(manifest, 0);
	}
	if (wanted)
		error_set(err, 0, "the archive has no image '%s'", wanted);
	else
		error_set(err, 0, "the archive has %zu images", count);
	tell_choice(manifest, err);
	return NULL;
}

static json_t *read_manifest(const struct members *members, struct error *err)
{
	cleanup_free char *text = NULL;
	json_t *manifest;
	size_t len = 0;

	if (!members_have(members, "manifest.json")) {
		error_set(err, 0, "it is not what docker save writes: it has no manifest.json");
		if (members_have(members, "index.json"))
			error_remedy(err, "oci-archive:FILE");
		return NULL;
	}
	text = members_read(members, "manifest.json", TEXT_MAX, &len, err);
	manifest = text ? json_loadb(text, len, 0, NULL) : NULL;
	if (json_is_array(manifest))
		return manifest;
	json_decref(manifest);
	if (text)
		error_set(err, 0, "the archive's manifest.json is no list of images");
	return NULL;
}

static int take_layers(struct layers *layers, json_t *image, struct error *err)
{
	struct saved *saved = layers->source;
	json_t *list = json_object_get(image, "Layers"), *name;
	size_t i;

	if (!json_is_array(list))
		return error_set(err, 0, "the archive's manifest.json names no layers");
	if (json_array_size(list) > LAYERS_MAX)
		return error_set(err, 0, "the image has %zu layers, more than %d",
				 json_array_size(list), LAYERS_MAX);
	json_array_foreach(list, i, name)
	{
		if (!json_is_string(name))
			return error_set(err, 0, "the archive's manifest.json names no layers");
		saved->names[i] = strdup(json_string_value(name));
		if (!saved->names[i])
			return error_set(err, ENOMEM, "cannot keep the image's layers");
		layers->list[i].size = members_size(saved->members, saved->names[i], err);
		if (layers->list[i].size < 0)
			return -1;
		layers->count = i + 1;
	}
	return 0;
}

/* What is a tar as it is stored has one digest, not two, which is then computed once. */
static void unite_digests(struct layers *layers)
{
	const struct saved *saved = layers->source;

	for (size_t i = 0; i < layers->count; i++) {
		char head[MAGIC_AT + sizeof(MAGIC) - 1];

		if (members_peek(saved->members, saved->names[i], head, sizeof(head)) ==
			    (ssize_t)sizeof(head) &&
		    memcmp(head + MAGIC_AT, MAGIC, sizeof(MAGIC) - 1) == 0)
			layers->list[i].digest = steal_ptr(&layers->list[i].diff_id);
	}
}

static int take_config(struct layers *layers, json_t *image, struct error *err)
{
	const struct saved *saved = layers->source;
	const char *name = json_string_value(json_object_get(image, "Config"));
	size_t len = 0;
	char *text;

	if (!name)
		return error_set(err, 0, "the archive's manifest.json names no configuration");
	text = members_read(saved->members, name, TEXT_MAX, &len, err);
	if (!text)
		return -1;
	if (crypto_digest(text, len, layers->identity) < 0) {
		free(text);
		return error_set(err, ENOMEM, "cannot keep the image's configuration");
	}
	if (layers_take_config(layers, text, len, err) < 0)
		return -1;
	unite_digests(layers);
	return 0;
}

static int open_layer(struct layers *layers, size_t index, struct error *err)
{
	const struct saved *saved = layers->source;

	return members_stream(saved->members, saved->names[index], err);
}

static int close_layer(struct layers *layers, size_t index, struct error *err)
{
	const struct saved *saved = layers->source;

	(void)index;
	return members_end(saved->members, err);
}

static void forget(struct layers *layers)
{
	struct saved *saved = layers->source;

	members_free(saved->members);
	for (size_t i = 0; i < LAYERS_MAX; i++)
		free(saved->names[i]);
	free(saved);
}

int layers_open_saved(struct layers *layers, int fd, const char *name, struct error *err)
{
	struct saved *saved = calloc(1, sizeof(*saved));
	cleanup_json json_t *manifest = NULL;
	json_t *image;

	if (!saved) {
		close(fd);
		return error_set(err, ENOMEM, "cannot read the archive");
	}
	*layers = (struct layers){ .has_whiteouts = true,
				   .source = saved,
				   .open = open_layer,
				   .close = close_layer,
				   .done = forget };
	saved->members = members_open(fd, err);
	if (crypto_open(err) < 0)
		return -1;
	manifest = saved->members ? read_manifest(saved->members, err) : NULL;
	image = manifest ? choose(manifest, name, err) : NULL;
	if (!image || take_layers(layers, image, err) < 0)
		return -1;
	return take_config(layers, image, err);
}
