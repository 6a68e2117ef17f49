/* SPDX-License-Identifier: BSD-3-Clause */
/* uplink.h - the programs that connect a network namespace with the node's network: slirp4netns, or
 * pasta where that is not installed. */
#ifndef DAVIT_UPLINK_H
#define DAVIT_UPLINK_H

#include <stddef.h>

#include "common/error.h"
#include "common/settings.h"

#define UPLINK_DNS "10.0.2.3" /* where both answer for the node's name server */

struct uplink {
	const struct port *ports;
	size_t port_count;
	int net; /* the network namespace */
	int api; /* a directory without a name, where a socket may lie */
};

/* Starts the program as a child of the caller, in its user and PID namespaces; it works when this
 * returns. The caller, a process for just this, loses all privileges (narrow.h) and leaves other
 * descriptors of this behind. Returns one where the program's end is to be read, after what it had to say;
 * or -1 with `err` set. */
int uplink_start(const struct uplink *uplink, struct error *err);

#endif
