/* SPDX-License-Identifier: BSD-3-Clause */
/* skopeo_error.c - see skopeo_error.h. */
#include "images/import/skopeo_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DOCKER    "docker://"
#define NO_VERIFY "--tls-verify=false, if you trust the network up to %s"

enum remedy {
	LOGIN,
	LOGIN_OR_NAME,
	NAME,
	LATER,
	PLAIN,
	CERTIFICATE,
	NETWORK,
	ARCH
};

static const char allows_no_more[] = "the registry allows no more requests for now";
static const char wants_login[] = "the registry wants a login";
static const char wants_login_or[] = "the registry wants a login, or there is no such image";
static const char has_none[] = "the registry has no such image";
static const char is_slow[] = "the registry does not answer in time";
static const char is_untrusted[] = "the registry's certificate cannot be trusted";

/* Of skopeo 1.4 to 1.18, and of registries, in any case; the first that is in the text counts. */
static const struct reason {
	const char *word, *cause;
	enum remedy remedy;
} reasons[] = {
	{ "toomanyrequests", allows_no_more, LATER },
	{ "too many requests", allows_no_more, LATER },
	{ "status 429", allows_no_more, LATER },
	{ "unauthorized", wants_login_or, LOGIN_OR_NAME },
	{ "authentication required", wants_login, LOGIN },
	{ "invalid username/password", "the registry refuses the login", LOGIN },
	{ "denied", "the registry wants another login, or there is no such image", LOGIN_OR_NAME },
	{ "HTTP response to HTTPS client", "the registry does without TLS", PLAIN },
	{ "x509", is_untrusted, CERTIFICATE },
	{ "tls:", "the registry's TLS and this node's do not fit", PLAIN },
	{ "for architecture", "the image is not for this architecture", ARCH },
	{ "manifest unknown", has_none, NAME },
	{ "name unknown", has_none, NAME },
	{ "not found", has_none, NAME },
	{ "status 404", has_none, NAME },
	{ "no such host", "the registry's name is not known on this node", NETWORK },
	{ "connection refused", "the registry does not answer", NETWORK },
	{ "deadline exceeded", is_slow, NETWORK },
	{ "timeout", is_slow, NETWORK },
	{ "unreachable", "the registry cannot be reached", NETWORK },
	{ "connection re", "the registry has broken the connection off", NETWORK },
	{ "unexpected EOF", "the registry has broken the connection off", NETWORK },
	{ "dial ", "the registry cannot be reached", NETWORK },
	{ "status 5", "the registry is out of order", NETWORK },
};

static const struct reason *find_reason(const char *text)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcasestr(text, reasons[i].word))
			return &reasons[i];
	return NULL;
}

/* "HOST[:PORT]", or NULL where no registry was asked. */
static const char *registry_of(const char *reference, char *buf, size_t size)
{
	const char *host;
	size_t len;

	if (strncmp(reference, DOCKER, strlen(DOCKER)) != 0)
		return NULL;
	host = reference + strlen(DOCKER);
	len = strcspn(host, "/");
	/* As Docker has it: a first word that is no host is a name at Docker Hub. */
	if (!host[len] || !(memchr(host, '.', len) || memchr(host, ':', len) ||
			    (len == 9 && memcmp(host, "localhost", 9) == 0)))
		return "docker.io";
	snprintf(buf, size, "%.*s", (int)len, host);
	return buf;
}

/* `registry` may be NULL. The options of `davit image import` are of use to who has called that. */
static int set_remedy(enum remedy remedy, const char *registry, bool has_options, struct error *err)
{
	switch (remedy) {
	case LOGIN:
		return registry ? error_remedy(err, "skopeo login %s", registry) : -1;
	case LOGIN_OR_NAME:
		return registry ? error_remedy(err, "skopeo login %s, and check the name", registry)
				: -1;
	case NAME:
		return error_remedy(err, "check the name and the tag");
	case LATER:
		return registry ? error_remedy(err, "some minutes later again, or skopeo login %s",
					       registry)
				: -1;
	case PLAIN:
		return error_remedy(
			err,
			has_options ? NO_VERIFY
				    : "in containers-registries.conf(5): insecure = true for %s",
			registry ? registry : "there");
	case CERTIFICATE:
		return error_remedy(
			err,
			has_options
				? NO_VERIFY
				: "ask your admin for its authority in /etc/containers/certs.d/%s",
			registry ? registry : "there");
	case NETWORK:
		return error_remedy(err,
				    "again, when this node reaches %s; a proxy is taken from "
				    "$https_proxy",
				    registry ? registry : "it");
	case ARCH:
		break;
	}
	return has_options ? error_remedy(err, "--arch= one that it has") : -1;
}

int skopeo_error(const char *text, const char *reference, struct error *err)
{
	const char *message = strstr(text, "msg=\"");
	const struct reason *reason;
	char line[512], buf[256];
	size_t len;

	if (message)
		text = message + 5;
	snprintf(line, sizeof(line), "%s", text);
	len = strcspn(line, "\n");
	line[len] = '\0';
	if (message && len > 0 && line[len - 1] == '"')
		line[len - 1] = '\0';
	error_set(err, 0, "%s", line);
	reason = find_reason(line);
	return reason ? set_remedy(reason->remedy, registry_of(reference, buf, sizeof(buf)), true,
				   err)
		      : -1;
}

int skopeo_explain(const char *message, const char *reference, struct error *err)
{
	char buf[256];
	const char *registry = registry_of(reference, buf, sizeof(buf));
	const struct reason *reason = registry ? find_reason(message) : NULL;

	if (!reason)
		return error_set(err, 0, "%s", message);
	error_set(err, 0, "%s (%s)", reason->cause, message);
	return set_remedy(reason->remedy, registry, false, err);
}
