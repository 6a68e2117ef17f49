/* SPDX-License-Identifier: BSD-3-Clause */
/* container.h - building a container around the calling process. */
#ifndef DAVIT_CONTAINER_H
#define DAVIT_CONTAINER_H

#include <stdbool.h>

#include "common/error.h"
#include "common/settings.h"
#include "images/image.h"
#include "launcher/conf/conf.h"
#include "launcher/devices/grant.h"
#include "launcher/note.h"
#include "launcher/rendezvous.h"
#include "launcher/save.h"
#include "launcher/security/security.h"

struct permissions;

struct container {
	const struct settings *settings;
	const struct conf *conf;
	const struct policy_rule *rule; /* of conf's policy, or NULL */
	const char *cwd;                /* absolute working directory of the job, or NULL */
	const char *script;             /* file of the node that must be inside too, or NULL */
	bool has_command;               /* else the image's own is run */
	int userns;                     /* user namespace to enter, or -1 */
	const struct rendezvous *rendezvous;
	void (*tell)(const struct error *note); /* what is not to wait for the end; NULL: nobody */
	bool ignores_wishes; /* the image is only looked at: what it asks for is not given */
	/* Decided meanwhile, see launcher/permissions/. `settings` may be others then. */
	const struct permissions *asks; /* NULL: nothing */
	bool without_cwd;               /* the job's working directory stays outside */
	struct grant grant;             /* decided meanwhile */
	struct security security;       /* decided meanwhile */
	struct save save;               /* comes out: who saves the container */
	bool host_mpi;                  /* comes out: the node's MPI is in it */
	struct notes notes; /* comes out: what the user should know although nothing failed */
};

/* What the ranks keep. */
static inline enum narrow_to container_narrow(const struct container *container)
{
	return container->settings->remap_root == CHOICE_YES ? NARROW_ROOT : NARROW_USER;
}

/* Are the calls of fakeroot.h pretended? */
static inline bool container_has_fake_root(const struct container *container)
{
	return container->settings->remap_root == CHOICE_YES && !container->conf->subids;
}

/* Enters a user and a mount namespace whose root is the image with everything mounted, as described
 * in davit(1), or those of a running container of that name. The working directory becomes the
 * container's root. `way` gets the way in for other ranks, and the recipe. The caller keeps its
 * capabilities in the namespace until narrow(). On failure the process must end: it may be anywhere
 * between the node and the container. */
int container_build(struct container *container, struct way *way, struct error *err);

#endif
