/* SPDX-License-Identifier: BSD-3-Clause */
/* local.c - see local.h. */
#include "images/import/local.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

#define DAEMON  "docker-daemon:"
#define STORAGE "containers-storage:"

/* Buildah's namespace ends with its command; Podman's stays, with a process. */
static const char *const programs[] = { "/usr/bin/buildah", "/usr/local/bin/buildah",
					"/usr/bin/podman", "/usr/local/bin/podman" };

static const char access_wanted[] =
	"a daemon that you may use, by DOCKER_HOST; or ask your admin for access";
static const char no_daemon[] =
	"start it, or DOCKER_HOST=, as `docker context ls` tells where it listens";
static const char no_namespace[] =
	"no user namespace could be made, in which alone that store can be read";
static const char look_docker[] = "check the name and the tag: docker images";
static const char look_podman[] = "check the name, and whose it is: podman images";
static const char look_doctor[] = "davit doctor tells what this node allows";

/* What skopeo says, in any case, or who starts it; what it means, if that is not plain; and what helps. The
 * first counts. */
static const struct {
	const char *transport, *said, *cause, *remedy;
} reasons[] = {
	{ DAEMON, "permission denied", NULL, access_wanted },
	{ DAEMON, "connect to the docker", NULL, no_daemon },
	{ DAEMON, "parse docker host", NULL, "DOCKER_HOST=unix:///PATH/OF/docker.sock" },
	{ DAEMON, "neither a tag nor a digest", NULL, "docker-daemon:NAME:TAG, as latest" },
	{ DAEMON, "does not exist", NULL, look_docker },
	{ DAEMON, "no such image", NULL, look_docker },
	{ DAEMON, "nothing came for", NULL, "more --timeout: it packs all before it answers" },
	{ STORAGE, "not an image", NULL, look_podman },
	{ STORAGE, "not known", NULL, look_podman },
	{ STORAGE, "does not resolve to an image", NULL, look_podman },            /* skopeo 1.18 */
	{ STORAGE, "unable to determine exit status", no_namespace, look_doctor }, /* Buildah */
	{ STORAGE, "cannot re-exec process", no_namespace, look_doctor },          /* Podman */
};

static bool is_of(const char *reference, const char *transport)
{
	return strncmp(reference, transport, strlen(transport)) == 0;
}

int local_enter(const char *reference, const char *words[LOCAL_WORDS], struct error *err)
{
	if (!is_of(reference, STORAGE) || geteuid() == 0)
		return 0;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (access(programs[i], X_OK) < 0)
			continue;
		words[0] = programs[i];
		words[1] = "unshare";
		return 2;
	}
	error_set(err, 0,
		  "there is neither buildah nor podman on this node, which open that store");
	return error_remedy(err, "ask your admin for the package buildah");
}

const char *local_daemon(const char *reference)
{
	const char *host = is_of(reference, DAEMON) ? getenv("DOCKER_HOST") : NULL;

	return host && host[0] ? host : NULL;
}

int local_error(const char *reference, struct error *err)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (!is_of(reference, reasons[i].transport) ||
		    !strcasestr(err->cause, reasons[i].said))
			continue;
		/* What would help with a registry does not. */
		err->remedy[0] = '\0';
		if (reasons[i].cause) {
			cleanup_free char *said = strdup(err->cause);

			error_set(err, 0, "%s (%s)", reasons[i].cause, said ? said : "");
		}
		return error_remedy(err, "%s", reasons[i].remedy);
	}
	return -1;
}
