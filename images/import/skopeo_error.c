/* SPDX-License-Identifier: BSD-3-Clause */
/* skopeo_error.c - see skopeo_error.h. */
#include "images/import/skopeo_error.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DOCKER "docker://"

enum remedy {
	LOGIN,
	NAME,
	LATER,
	TLS,
	NETWORK,
	ARCH
};

/* Of skopeo 1.4 to 1.18, and of registries; the first that is in the text counts. */
static const struct {
	const char *word;
	enum remedy remedy;
} words[] = {
	{ "toomanyrequests", LATER },
	{ "too many requests", LATER },
	{ "status 429", LATER },
	{ "unauthorized", LOGIN },
	{ "authentication required", LOGIN },
	{ "denied", LOGIN },
	{ "invalid username/password", LOGIN },
	{ "HTTP response to HTTPS client", TLS },
	{ "x509", TLS },
	{ "tls:", TLS },
	{ "for architecture", ARCH },
	{ "manifest unknown", NAME },
	{ "name unknown", NAME },
	{ "not found", NAME },
	{ "status 404", NAME },
	{ "dial ", NETWORK },
	{ "timeout", NETWORK },
	{ "connection re", NETWORK },
	{ "no such host", NETWORK },
	{ "unexpected EOF", NETWORK },
	{ "status 5", NETWORK },
};

/* "HOST[:PORT]", or NULL where no registry was asked. */
static const char *registry_of(const char *reference, char *buf, size_t size)
{
	const char *host = reference + strlen(DOCKER);
	size_t len = strcspn(host, "/");

	if (strncmp(reference, DOCKER, strlen(DOCKER)) != 0)
		return NULL;
	/* As Docker has it: a first word that is no host is a name at Docker Hub. */
	if (!host[len] || !(memchr(host, '.', len) || memchr(host, ':', len) ||
			    (len == 9 && memcmp(host, "localhost", 9) == 0)))
		return "docker.io";
	snprintf(buf, size, "%.*s", (int)len, host);
	return buf;
}

static int set_remedy(enum remedy remedy, const char *reference, struct error *err)
{
	char buf[256];
	const char *registry = registry_of(reference, buf, sizeof(buf));

	switch (remedy) {
	case LOGIN:
		return registry ? error_remedy(err, "skopeo login %s", registry) : -1;
	case NAME:
		return error_remedy(err, "check the name and the tag");
	case LATER:
		return registry ? error_remedy(err, "some minutes later again, or skopeo login %s",
					       registry)
				: -1;
	case TLS:
		return error_remedy(err, "--tls-verify=false, if you trust the network up to %s",
				    registry ? registry : "there");
	case NETWORK:
		return error_remedy(err,
				    "again, when this node reaches %s; a proxy is taken from "
				    "$https_proxy",
				    registry ? registry : "it");
	case ARCH:
		break;
	}
	return error_remedy(err, "--arch= one that it has");
}

int skopeo_error(const char *text, const char *reference, struct error *err)
{
	const char *message = strstr(text, "msg=\"");
	char line[512];
	size_t len;

	if (message)
		text = message + 5;
	snprintf(line, sizeof(line), "%s", text);
	len = strcspn(line, "\n");
	line[len] = '\0';
	if (message && len > 0 && line[len - 1] == '"')
		line[len - 1] = '\0';
	error_set(err, 0, "%s", line);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(line, words[i].word))
			return set_remedy(words[i].remedy, reference, err);
	return -1;
}
