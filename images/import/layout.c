/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layout.c - layers from an OCI layout (image-layout.md of the image-spec) that is a directory: see
 * layers.h. Nothing is copied; what is no layer is checked against its digest here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/json.h"
#include "images/crypto.h"
#include "images/import/layers.h"

#define TEXT_MAX    ((size_t)8 << 20)
#define INDEXES_MAX 4 /* one in another */
#define TAG_KEY     "org.opencontainers.image.ref.name"

struct layout {
	int dir;
};

static int open_digest(const struct layout *layout, const char *digest, struct error *err)
{
	char path[sizeof("blobs/sha256/") + DIGEST_TEXT_SIZE];
	cleanup_close int fd = -1;
	struct stat st;

	snprintf(path, sizeof(path), "blobs/sha256/%s", digest + strlen("sha256:"));
	fd = openat(layout->dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open '%s' of the layout", path);
	/* A device may have no end, a FIFO may never begin. */
	if (!S_ISREG(st.st_mode))
		return error_set(err, 0, "'%s' of the layout is not a file", path);
	return steal_fd(&fd);
}

static char *read_digest(const struct layout *layout, const char *digest, size_t *len,
			 struct error *err)
{
	cleanup_close int fd = open_digest(layout, digest, err);
	cleanup_free char *text = fd < 0 ? NULL : fd_read_regular(fd, TEXT_MAX, len);
	unsigned char bytes[DIGEST_BYTES];
	char found[DIGEST_TEXT_SIZE];

	if (fd < 0)
		return NULL;
	if (!text || crypto_sha256(text, *len, bytes) < 0) {
		error_set(err, errno, "cannot read blob %s", digest);
		return NULL;
	}
	digest_format(bytes, found);
	if (strcmp(found, digest) != 0) {
		error_set(err, 0, "the blob %s has the digest %s", digest, found);
		error_remedy(err, "get it again: it was damaged, or changed by somebody");
		return NULL;
	}
	return steal_ptr(&text);
}

static bool is_index(json_t *descriptor)
{
	const char *type = json_string_value(json_object_get(descriptor, "mediaType"));

	return type && (strstr(type, ".image.index.") || strstr(type, ".manifest.list."));
}

static const char *tag_of(json_t *descriptor)
{
	json_t *annotations = json_object_get(descriptor, "annotations");

	return json_string_value(json_object_get(annotations, TAG_KEY));
}

static const char *platform_of(json_t *descriptor, const char *key)
{
	return json_string_value(json_object_get(json_object_get(descriptor, "platform"), key));
}

static bool fits(json_t *descriptor, const char *tag, const char *arch)
{
	const char *own_tag = tag_of(descriptor);
	const char *own_arch = platform_of(descriptor, "architecture");
	const char *os = platform_of(descriptor, "os");

	return (!tag || (own_tag && strcmp(tag, own_tag) == 0)) &&
	       (!own_arch || strcmp(arch, own_arch) == 0) && (!os || strcmp(os, "linux") == 0);
}

/* The one that fits, borrowed. */
static json_t *choose(json_t *index, const char *tag, const char *arch, struct error *err)
{
	json_t *list = json_object_get(index, "manifests"), *descriptor, *chosen = NULL;
	size_t i, tagged = 0, fitting = 0;

	json_array_foreach(list, i, descriptor)
	{
		const char *own = tag_of(descriptor);

		if (tag && own && strcmp(own, tag) == 0)
			tagged++;
		if (fits(descriptor, tag, arch)) {
			chosen = chosen ? chosen : descriptor;
			fitting++;
		}
	}
	if (fitting == 1)
		return chosen;
	if (tag && tagged == 0) {
		error_set(err, 0, "the layout has no image '%s'", tag);
		error_remedy(err, "one of those that its index.json names");
	} else if (fitting == 0) {
		error_set(err, 0, "the layout has no such image for architecture '%s'", arch);
		error_remedy(err, "--arch= one that it has");
	} else {
		error_set(err, 0, "the layout has %zu images that fit", fitting);
		error_remedy(err, tag ? "take the others out of it" : "oci:DIR:TAG");
	}
	return NULL;
}

static char *read_index(const struct layout *layout, size_t *len, struct error *err)
{
	cleanup_close int fd = openat(layout->dir, "index.json", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd_read_regular(fd, TEXT_MAX, len);

	if (!text) {
		error_set(err, errno, "cannot read its index.json");
		error_remedy(err, "a directory that holds an OCI layout");
	}
	return text;
}

/* From index.json down to the text of a manifest. */
static char *find_manifest(const struct layout *layout, const char *tag, const char *arch,
			   size_t *len, struct error *err)
{
	char *text = read_index(layout, len, err);

	for (int depth = 0; text && depth < INDEXES_MAX; depth++) {
		cleanup_json json_t *index = json_loadb(text, *len, 0, NULL);
		json_t *chosen = index ? choose(index, tag, arch, err) : NULL;
		const char *digest = json_string_value(json_object_get(chosen, "digest"));
		char checked[DIGEST_TEXT_SIZE];

		free(steal_ptr(&text));
		if (!index)
			error_set(err, 0, "an index of the layout is no JSON");
		if (!chosen)
			return NULL;
		if (!digest || strncmp(digest, "sha256:", 7) != 0 ||
		    digest_parse(digest, checked, err) < 0) {
			error_set(err, 0, "an index of the layout has no digest by SHA-256");
			return NULL;
		}
		text = read_digest(layout, checked, len, err);
		if (!is_index(chosen))
			return text;
		tag = NULL;
	}
	if (text)
		error_set(err, 0, "the layout has too many indexes, one in another");
	free(text);
	return NULL;
}

static int open_layer(struct layers *layers, size_t index, struct error *err)
{
	return open_digest(layers->source, layers->list[index].digest, err);
}

static void close_layout(struct layers *layers)
{
	struct layout *layout = layers->source;

	if (layout->dir >= 0)
		close(layout->dir);
	free(layout);
}

int layers_open_layout(struct layers *layers, const char *dir, const char *tag, const char *arch,
		       struct error *err)
{
	struct layout *layout = calloc(1, sizeof(*layout));
	cleanup_free char *manifest = NULL, *config = NULL;
	char *text;
	size_t len = 0;

	if (!layout)
		return error_set(err, ENOMEM, "cannot read the layout");
	*layers = (struct layers){
		.has_whiteouts = true, .source = layout, .open = open_layer, .done = close_layout
	};
	layout->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layout->dir < 0)
		return error_set(err, errno, "cannot open the directory '%s'", dir);
	if (crypto_open(err) < 0)
		return -1;
	manifest = find_manifest(layout, tag, arch, &len, err);
	if (!manifest || layers_read_manifest(layers, manifest, len, &config, err) < 0)
		return -1;
	text = read_digest(layout, config, &len, err);
	return text ? layers_take_config(layers, text, len, err) : -1;
}
