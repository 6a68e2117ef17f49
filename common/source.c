/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.c - see source.h. The grammar of references is that of the registries' own clients:
 * github.com/distribution/reference, and what those of Docker make of short names.
 */
#include "common/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/fd.h"
#include "common/nearest.h"

#define REGISTRY  "docker://"
#define NAME_MAX_ 255 /* of a repository, as registries have it */
#define TAG_MAX   128
#define FORM      REGISTRY "[HOST[:PORT]/]NAME[:TAG] or ...NAME@sha256:HEX, NAME in lower case"

static const struct {
	const char *front;
	bool is_path;
} sources[] = {
	{ REGISTRY, false },         { "oci:", true },
	{ "oci-archive:", true },    { "docker-archive:", true },
	{ "docker-daemon:", false }, { "containers-storage:", false },
};

#define SOURCES (sizeof(sources) / sizeof(sources[0]))

static int find(const char *name)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (strncmp(name, sources[i].front, strlen(sources[i].front)) == 0)
			return (int)i;
	return -1;
}

bool source_is(const char *name)
{
	return find(name) >= 0;
}

bool source_is_registry(const char *name)
{
	return find(name) == 0;
}

bool source_is_path(const char *name)
{
	int index = find(name);

	return index >= 0 && sources[index].is_path;
}

/* The parts of a reference; they point into a copy of it. */
struct reference {
	char *text;
	const char *host; /* "" for Docker Hub */
	const char *path, *tag, *digest;
};

/* Lower-case letters and digits, with one '.', up to two '_' or any number of '-' between them. */
static bool is_component(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t word = strspn(text + i, "abcdefghijklmnopqrstuvwxyz0123456789");
		size_t dashes, lines;

		i += word;
		if (word == 0 || i >= len)
			return word > 0 && i == len;
		dashes = strspn(text + i, "-");
		lines = strspn(text + i, "_");
		if (dashes)
			i += dashes;
		else if (lines == 1 || lines == 2)
			i += lines;
		else if (text[i] == '.')
			i++;
		else
			return false;
	}
	return false;
}

static bool is_path(const char *path)
{
	if (strlen(path) > NAME_MAX_)
		return false;
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!is_component(path, len))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

static bool is_tag(const char *tag)
{
	size_t len = strlen(tag);

	if (len == 0 || len > TAG_MAX || tag[0] == '.' || tag[0] == '-')
		return false;
	for (; *tag; tag++)
		if (!isalnum((unsigned char)*tag) && !strchr("._-", *tag))
			return false;
	return true;
}

/* A name or a number, [IPv6], and a port. */
static bool is_host(const char *host)
{
	const char *port = strrchr(host, ':');
	size_t len = port && !strchr(port, ']') ? (size_t)(port - host) : strlen(host);

	if (host[len] && (!host[len + 1] || strlen(host + len + 1) > 5 ||
			  host[len + 1 + strspn(host + len + 1, "0123456789")]))
		return false;
	if (host[0] == '[')
		return len > 2 && host[len - 1] == ']' &&
		       strspn(host + 1, "0123456789abcdefABCDEF:.") == len - 2;
	if (len == 0 || host[0] == '-' || host[0] == '.' || host[len - 1] == '-' ||
	    host[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)host[i]) && host[i] != '-' &&
		    (host[i] != '.' || host[i + 1] == '.'))
			return false;
	return true;
}

/* What the first part of a name has to be like to be a host's. */
static bool looks_like_host(const char *part)
{
	if (strpbrk(part, ".:") || strcmp(part, "localhost") == 0)
		return true;
	for (; *part; part++)
		if (isupper((unsigned char)*part))
			return true;
	return false;
}

static int refuse(const char *name, const char *part, const char *what, struct error *err)
{
	error_set(err, 0, "image '%s': '%s' is no %s", name, part, what);
	return error_remedy(err, "%s", FORM);
}

/* Splits the copy in place. */
static int split(struct reference *reference, const char *name, struct error *err)
{
	char *text = reference->text, *at, *slash;

	at = strchr(text, '@');
	if (at) {
		char checked[DIGEST_TEXT_SIZE];
		struct error bad = ERROR_INIT;

		*at++ = '\0';
		/* In their own form only: names that mean the same are to be the same. */
		if (digest_parse(at, checked, &bad) < 0 || strcmp(at, checked) != 0)
			return refuse(name, at, "digest of an image", err);
		reference->digest = at;
	}
	slash = strrchr(text, '/');
	at = strrchr(slash ? slash : text, ':');
	if (at) {
		*at++ = '\0';
		if (!is_tag(at))
			return refuse(name, at, "tag", err);
		reference->tag = at;
	}
	reference->host = "";
	reference->path = text;
	slash = strchr(text, '/');
	if (slash) {
		*slash = '\0';
		if (looks_like_host(text)) {
			if (!is_host(text))
				return refuse(name, text, "host of a registry", err);
			reference->host = text;
			reference->path = slash + 1;
		} else {
			*slash = '/';
		}
	}
	return is_path(reference->path) ? 0
					: refuse(name, reference->path, "name of an image", err);
}

static int parse(struct reference *reference, const char *name, struct error *err)
{
	*reference = (struct reference){ .text = strdup(name + strlen(REGISTRY)) };
	if (!reference->text)
		return error_set(err, ENOMEM, "cannot keep the image's name");
	return split(reference, name, err);
}

/* "docker:x" and "http://x" are slips, and no files. */
static int check_path(const char *name, struct error *err)
{
	const char *words[SOURCES], *near;
	size_t len = strcspn(name, ":/");
	cleanup_free char *front = NULL;

	if (strncmp(name, "docker:", 7) == 0) {
		const char *rest = name + 7 + strspn(name + 7, "/");

		error_set(err, 0, "image '%s' is no path, and no image of a registry", name);
		return error_remedy(err, REGISTRY "%s; ./%s for a file", rest, name);
	}
	if (strncmp(name + len, "://", 3) != 0)
		return 0;
	front = strndup(name, len + 3);
	if (!front)
		return error_set(err, ENOMEM, "cannot keep the image's name");
	for (size_t i = 0; i < SOURCES; i++)
		words[i] = sources[i].front;
	near = word_nearest(front, words, SOURCES);
	error_set(err, 0, "image '%s': nothing can be imported from '%s'", name, front);
	return error_remedy(err, "%s%s; ./%s for a file", near ? near : REGISTRY,
			    near ? name + len + 3 : "... for an image of a registry", name);
}

int source_check(const char *name, struct error *err)
{
	int index = find(name);

	if (index < 0)
		return check_path(name, err);
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			error_set(err, 0, "image '%s': there is a control character in it", name);
			return error_remedy(err, "%s", FORM);
		}
	if (index == 0) {
		struct reference reference;
		int result = parse(&reference, name, err);

		free(reference.text);
		return result;
	}
	if (name[strlen(sources[index].front)])
		return 0;
	error_set(err, 0, "image '%s': nothing behind '%s'", name, sources[index].front);
	return error_remedy(err, "%s%s", sources[index].front,
			    sources[index].is_path ? "PATH" : "NAME");
}

char *source_canonical(const char *name, struct error *err)
{
	struct reference reference;
	char *text = NULL;

	if (source_check(name, err) < 0)
		return NULL;
	if (!source_is_registry(name)) {
		text = strdup(name);
	} else if (parse(&reference, name, err) == 0) {
		bool is_hub = !reference.host[0] || strcmp(reference.host, "docker.io") == 0 ||
			      strcmp(reference.host, "index.docker.io") == 0;
		const char *library = is_hub && !strchr(reference.path, '/') ? "library/" : "";
		const char *mark = reference.digest ? "@" : ":";
		const char *version = reference.digest ? reference.digest
				      : reference.tag  ? reference.tag
						       : "latest";

		if (asprintf(&text, REGISTRY "%s/%s%s%s%s", is_hub ? "docker.io" : reference.host,
			     library, reference.path, mark, version) < 0)
			text = NULL;
		free(reference.text);
	}
	if (!text)
		error_set(err, ENOMEM, "cannot keep the image's name");
	return text;
}

const char *source_digest(const char *canonical)
{
	const char *at = source_is_registry(canonical) ? strchr(canonical, '@') : NULL;

	return at ? at + 1 : NULL;
}

char *source_pinned(const char *canonical, const char *digest)
{
	const char *slash = strrchr(canonical, '/'), *colon = strrchr(canonical, ':');
	char *text = NULL;

	if (!source_is_registry(canonical) || source_digest(canonical) || !slash || colon < slash)
		return strdup(canonical);
	return asprintf(&text, "%.*s@%s", (int)(colon - canonical), canonical, digest) < 0 ? NULL
											   : text;
}
