/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recipe.h - what each rank still has to do when it is in the container.
 *
 * The builder works it out once, from davit.conf, the options and the image, and packs it into a
 * sealed memfd that all ranks of the node get. So one rank reads the configuration, and all follow.
 */
#ifndef DAVIT_RECIPE_H
#define DAVIT_RECIPE_H

#include <stdbool.h>

#include "common/error.h"
#include "launcher/env/edits.h"
#include "launcher/narrow.h"
#include "launcher/rendezvous.h"
#include "launcher/save.h"
#include "launcher/security/filter.h"

struct recipe {
	struct edits edits;          /* to the environment */
	const char *workdir;         /* "" for the rank's own */
	const char *fallback;        /* where the rank's own is not in the container; or "" */
	const struct filter *filter; /* of system calls */
	const char *devices;         /* table for nearest_apply(), or "" */
	const char *counted;         /* image of which guards tell what was read; "": they do not */
	char *const *prefix;  /* words in front of the command, NULL-terminated; NULL for none */
	char *const *command; /* what to run where no command is given; NULL for nothing */
	enum narrow_to narrow;
	bool guarded; /* the rank's process waits for the command instead of becoming it */
};

/* Returns a sealed memfd, or -1 with `err` set. */
int recipe_pack(const struct recipe *recipe, struct error *err);

struct rank {
	struct handover *handover; /* that all ranks share */
	char **argv;               /* the command; argv[0] NULL where there is none */
	const char *cwd;   /* working directory before the container was entered, "" if unknown */
	struct way *way;   /* with the recipe */
	struct save *save; /* for whoever has built a container that is to be saved */
	bool forward;      /* a guard passes signals on: only its process is signalled */
	/* Called when all is ready for the command; NULL for nothing. */
	void (*advise)(const struct way *way, const char *command, const char *workdir);
	/* Called in a guard, when the last command of the node has ended, where the recipe has it told
	 * what was read of `image`; may be NULL where it never has. */
	void (*tell)(const struct handover *handover, const char *image);
};

/* Becomes the command of `rank`, in the container, as the recipe says. Returns only on failure, -1
 * with `err` set. */
int recipe_follow(const struct rank *rank, struct error *err);

#endif
