/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meeting.h - how ranks that no plugin has started get what rendezvous.h needs: one memfd and socket
 * pair for all that want the same container.
 *
 * They meet at a socket with an abstract name, made of the user, the daemon that has started them
 * and what they want. Whoever can bind the name makes memfd and socket pair, and starts a process
 * that hands both to the others, the host (host.h); the rank itself will become the application. The
 * name goes with the host. Nothing has a name in a file system.
 *
 * Anybody on the node, and in containers, may bind such a name first, or connect to it. So both
 * sides make sure that the other is the user's and outside of all containers (siblings.h), and alive:
 * a pid may be another's by the time that it is looked at.
 */
#ifndef DAVIT_MEETING_H
#define DAVIT_MEETING_H

#include <stddef.h>

#include "common/error.h"
#include "launcher/rendezvous.h"

/* Meets the ranks of this node that have the same `wish`, texts that end in NUL, `len` bytes in
 * all; `count` ranks are there at most. Returns 1 with `rendezvous` to be used by rendezvous_enter().
 * Returns 0 where nobody can be met: the caller is on its own then; `err` says why if others should
 * know. It never waits for long. */
int meeting_attend(struct rendezvous *rendezvous, const char *wish, size_t len, unsigned int count,
		   struct error *err);

#endif
