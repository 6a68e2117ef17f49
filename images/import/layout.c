/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layout.c - layers from an OCI layout (image-layout.md of the image-spec), which is a directory or a tar:
 * see layers.h. Nothing is copied; what is no layer is checked against its digest here.
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
#include "images/import/members.h"

#define TEXT_MAX    ((size_t)8 << 20)
#define INDEXES_MAX 4 /* one in another */
#define TAG_KEY     "org.opencontainers.image.ref.name"

struct layout {
	int dir;                 /* or -1, and ... */
	struct members *members; /* ... not NULL */
};

struct blob_path {
	char text[sizeof("blobs/sha256/") + DIGEST_TEXT_SIZE];
};

static struct blob_path path_of(const char *digest)
{
	struct blob_path path;

	snprintf(path.text, sizeof(path.text), "blobs/sha256/%s", digest + strlen("sha256:"));
	return path;
}

static int open_path(const struct layout *layout, const char *path, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	fd = openat(layout->dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open '%s' of the layout", path);
	/* A device may have no end, a FIFO may never begin. */
	if (!S_ISREG(st.st_mode))
		return error_set(err, 0, "'%s' of the layout is not a file", path);
	return steal_fd(&fd);
}

static char *read_path(const struct layout *layout, const char *path, size_t *len,
		       struct error *err)
{
	cleanup_close int fd = -1;
	char *text;

	if (layout->members)
		return members_read(layout->members, path, TEXT_MAX, len, err);
	fd = open_path(layout, path, err);
	text = fd < 0 ? NULL : fd_read_regular(fd, TEXT_MAX, len);
	if (fd >= 0 && !text)
		error_set(err, errno, "cannot read '%s' of the layout", path);
	return text;
}

static char *read_digest(const struct layout *layout, const char *digest, size_t *len,
			 struct error *err)
{
	struct blob_path path = path_of(digest);
	cleanup_free char *text = read_path(layout, path.text, len, err);
	char found[DIGEST_TEXT_SIZE];

	if (!text)
		return NULL;
	if (crypto_digest(text, *len, found) < 0) {
		error_set(err, errno, "cannot read blob %s", digest);
		return NULL;
	}
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

/* What there is to choose from: tags, or of what has this tag the architectures. */
static int tell_choice(const struct layout *layout, json_t *list, const char *tag, bool of_arch,
		       struct error *err)
{
	char words[160] = "";
	json_t *descriptor;
	size_t i;

	json_array_foreach(list, i, descriptor)
	{
		const char *own = tag_of(descriptor), *word = own;

		if (of_arch)
			word = tag && (!own || strcmp(own, tag) != 0)
				       ? NULL
				       : platform_of(descriptor, "architecture");
		if (word)
			layers_add_word(words, sizeof(words), word);
	}
	if (!words[0])
		return -1;
	if (of_arch)
		return error_remedy(err, "--arch=, of %s", words);
	return error_remedy(err, "oci%s:TAG, where TAG is of %s",
			    layout->members ? "-archive:FILE" : ":DIR", words);
}

/* The one that fits, borrowed. */
static json_t *choose(const struct layout *layout, json_t *index, const char *tag, const char *arch,
		      struct error *err)
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
		tell_choice(layout, list, tag, false, err);
	} else if (fitting == 0) {
		error_set(err, 0, "the layout has no such image for architecture '%s'", arch);
		tell_choice(layout, list, tag, true, err);
	} else {
		error_set(err, 0, "the layout has %zu images that fit", fitting);
		if (tag)
			error_remedy(err, "take the others out of it");
		else
			tell_choice(layout, list, NULL, false, err);
	}
	return NULL;
}

static char *read_index(const struct layout *layout, size_t *len, struct error *err)
{
	cleanup_close int fd = -1;
	char *text;

	if (layout->members && members_have(layout->members, "index.json"))
		return read_path(layout, "index.json", len, err);
	if (layout->members) {
		error_set(err, 0, "it is no OCI layout: it has no index.json");
		if (members_have(layout->members, "manifest.json"))
			error_remedy(err, "docker-archive:FILE");
		return NULL;
	}
	fd = openat(layout->dir, "index.json", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	text = fd_read_regular(fd, TEXT_MAX, len);
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
		json_t *chosen = index ? choose(layout, index, tag, arch, err) : NULL;
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
	const struct layout *layout = layers->source;
	struct blob_path path = path_of(layers->list[index].digest);

	return layout->members ? members_stream(layout->members, path.text, err)
			       : open_path(layout, path.text, err);
}

static int close_layer(struct layers *layers, size_t index, struct error *err)
{
	const struct layout *layout = layers->source;

	(void)index;
	return layout->members ? members_end(layout->members, err) : 0;
}

static void close_layout(struct layers *layers)
{
	struct layout *layout = layers->source;

	if (layout->dir >= 0)
		close(layout->dir);
	members_free(layout->members);
	free(layout);
}

static struct layout *begin(struct layers *layers, struct error *err)
{
	struct layout *layout = calloc(1, sizeof(*layout));

	if (!layout) {
		error_set(err, ENOMEM, "cannot read the layout");
		return NULL;
	}
	layout->dir = -1;
	*layers = (struct layers){ .has_whiteouts = true,
				   .source = layout,
				   .open = open_layer,
				   .close = close_layer,
				   .done = close_layout };
	return layout;
}

static int choose_image(struct layers *layers, const char *tag, const char *arch, struct error *err)
{
	const struct layout *layout = layers->source;
	cleanup_free char *manifest = NULL, *config = NULL;
	size_t len = 0;
	char *text;

	if (crypto_open(err) < 0)
		return -1;
	manifest = find_manifest(layout, tag, arch, &len, err);
	if (!manifest || layers_read_manifest(layers, manifest, len, &config, err) < 0)
		return -1;
	if (crypto_digest(manifest, len, layers->identity) < 0)
		return error_set(err, ENOMEM, "cannot read the layout");
	text = read_digest(layout, config, &len, err);
	return text ? layers_take_config(layers, text, len, err) : -1;
}

int layers_open_layout(struct layers *layers, const char *dir, const char *tag, const char *arch,
		       struct error *err)
{
	struct layout *layout = begin(layers, err);

	if (!layout)
		return -1;
	layout->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layout->dir < 0)
		return error_set(err, errno, "cannot open the directory '%s'", dir);
	return choose_image(layers, tag, arch, err);
}

int layers_open_layout_tar(struct layers *layers, int fd, const char *tag, const char *arch,
			   struct error *err)
{
	struct layout *layout = begin(layers, err);

	if (!layout) {
		close(fd);
		return -1;
	}
	layout->members = members_open(fd, err);
	return layout->members ? choose_image(layers, tag, arch, err) : -1;
}
