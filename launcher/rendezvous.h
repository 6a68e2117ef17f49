/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rendezvous.h - how the ranks of a node and step end up in one container.
 *
 * All inherit the same memfd and socket pair (handover.h). Whoever gets the write lock first builds
 * the container; the others wait in the kernel for a read lock. The builder puts one message with
 * the way in, some descriptors, into the socket, sets the state and unlocks. The others *peek* at the message,
 * which gives each its own copy of the descriptors and leaves it there for the next.
 *
 * No rank can wait for ever: when the builder dies, the kernel drops its lock and the next one
 * builds. And nothing outlives the ranks: the message goes with the last holder of the socket, and
 * every holder closes it on exec.
 */
#ifndef DAVIT_RENDEZVOUS_H
#define DAVIT_RENDEZVOUS_H

#include <stdbool.h>

#include "common/error.h"
#include "common/handover.h"
#include "launcher/namespaces.h"

/* What a rank needs to get into a container that another one has built. */
struct way {
	struct namespaces namespaces;
	int recipe; /* what to do in there, see recipe.h */
	int lifeline; /* to be held open by guards; who waits for all of them reads the other end; or -1 */
};

#define WAY_INIT                                                            \
	{                                                                   \
		.namespaces = NAMESPACES_INIT, .recipe = -1, .lifeline = -1 \
	}

struct rendezvous {
	int memfd;                 /* -1 without Slurm */
	struct handover *handover; /* the memfd, mapped */
};

/* For a container of one process, without Slurm: nobody else to meet. */
int rendezvous_alone(struct rendezvous *rendezvous, struct error *err);

/* Marks the inherited descriptors close-on-exec and maps the memfd. */
int rendezvous_open(struct rendezvous *rendezvous, int memfd, struct error *err);

/* Returns 1 if the caller shall build the container; it holds the lock then until it calls
 * rendezvous_publish() or rendezvous_fail(), or dies. Returns 0 when the container is there or has
 * failed, -1 with `err` set if the lock cannot be had. */
int rendezvous_elect(struct rendezvous *rendezvous, struct error *err);

/* Builder: hands the way in to the others. */
int rendezvous_publish(struct rendezvous *rendezvous, struct way *way, struct error *err);

/* Builder: tells the others to leave with `exit_code`, silently. */
void rendezvous_fail(struct rendezvous *rendezvous, int exit_code);

/* The others: the code to leave with, or 0 if the container was built. */
int rendezvous_failure(const struct rendezvous *rendezvous);

/* The others: gets the way in, which starts with WAY_INIT. */
int rendezvous_join(const struct rendezvous *rendezvous, struct way *way, struct error *err);

/* True for the first process of the node that calls it, rank or image server: it may tell the user
 * about a failure that all share. */
bool rendezvous_may_report(const struct rendezvous *rendezvous);

#endif
