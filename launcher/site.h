/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * site.h - what exists while a container is being built: container.c and site.c only.
 */
#ifndef DAVIT_SITE_H
#define DAVIT_SITE_H

#include <stdbool.h>

#include "common/error.h"
#include "images/image.h"
#include "launcher/container.h"
#include "launcher/imports/imports.h"
#include "launcher/named.h"
#include "launcher/permissions/wishes.h"
#include "launcher/plan.h"

struct site {
	struct container *container;
	const struct settings *settings;
	struct way *way;
	struct image_require require; /* what the image had to prove */
	struct imported imported;     /* the image came from a registry, or nothing */
	struct image image;
	struct named named;
	struct plan plan;
	struct wishes wishes; /* of the image; `settings` and container->settings are in it */
	int node;    /* the node's root directory, in the container's mount namespace; or -1 */
	int layer;   /* directory that takes what is written, or -1 */
	int slurm;   /* slurm_service_start() */
	int network; /* network_start() */
	int watch;   /* inotify for the end of a container without an image server */
	int saver;   /* read by the saver: the other end of the lifeline */
};

/* Decides what the container gets, with regard to what the image asks for, whose root directory is
 * `root`, or -1 not to ask. As the user, and as long as the node is as it is. Returns 0, or -1 with `err`
 * set. */
int site_decide(struct site *site, int root, struct error *err);

static inline bool site_is_remapped(const struct site *site)
{
	return site->settings->remap_root == CHOICE_YES;
}

/* In the user namespace: creates the others, mounts the image with all that belongs on top, and
 * makes that the root directory. Returns 0, or -1 with `err` set. */
int site_raise(struct site *site, struct error *err);

#endif
