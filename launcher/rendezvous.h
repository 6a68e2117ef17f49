/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rendezvous.h - how the ranks of a node and step end up in one container.
 *
 * All have the same memfd and socket pair (handover.h), from the plugin or from meeting.h. Whoever
 * gets the write lock first builds the container; the others wait in the kernel for a read lock. The
 * builder puts one message with the way in, some descriptors, into the socket, sets the state and
 * unlocks. The others *peek* at the message,
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
	int memfd; /* -1 where there is nobody to meet */
	int page;  /* of the same memory, for `davit ps`; memfd, where there is one */
	struct handover *handover; /* the memfd, mapped */
	int send_fd, recv_fd;      /* of the socket pair */
};

/* For a container of one process: nobody else to meet. */
int rendezvous_alone(struct rendezvous *rendezvous, struct error *err);

/* Marks the descriptors inherited from the plugin close-on-exec and maps the memfd. */
int rendezvous_open(struct rendezvous *rendezvous, int memfd, struct error *err);

/* The same for descriptors that came from another rank; they stay the caller's on failure. */
int rendezvous_take(struct rendezvous *rendezvous, int memfd, int send_fd, int recv_fd,
		    struct error *err);

/* Gets the rank into the container. One rank builds it by `build(arg)`, which fills in `way`; the
 * others wait, and enter by that way, which starts with WAY_INIT. Returns 0, or -1 with `err` set, or
 * the code with which to leave silently since what went wrong has been told. */
int rendezvous_enter(struct rendezvous *rendezvous, struct way *way,
		     int (*build)(void *arg, struct error *err), void *arg, struct error *err);

/* True for the first process of the node that calls it, rank or image server: it may tell the user
 * about a failure that all share. */
bool rendezvous_may_report(const struct rendezvous *rendezvous);

/* Tells the user, unless somebody has. Returns when it has been told, so that no rank ends before:
 * mpirun would end the one that tells. */
void rendezvous_report(struct rendezvous *rendezvous, const struct error *err);

#endif
