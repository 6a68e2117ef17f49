/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * unsharespec.h - what --container-unshare asks for.
 *
 *	UNSHARE   = NAMESPACE[,NAMESPACE]...
 *	NAMESPACE = net | net:slirp[:PORTS] | net:host | ipc | uts | pid
 *	PORTS     = PORT[:PORT][+PORT[:PORT]]...	of the node, in the container; 1 to 65535
 */
#ifndef DAVIT_UNSHARESPEC_H
#define DAVIT_UNSHARESPEC_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Bits of struct unshare. */
#define UNSHARE_NET   1u
#define UNSHARE_IPC   2u
#define UNSHARE_UTS   4u
#define UNSHARE_PID   8u
#define UNSHARE_SLIRP 16u /* with UNSHARE_NET: the network leads out */
#define UNSHARE_HOST  32u /* without: the node's network, whatever else an image would get */

struct port {
	uint16_t host, container;
};

struct unshare {
	unsigned int what;
	struct port *ports; /* published on the node */
	size_t port_count;
};

/* Returns 0, or -1 with `err` set and nothing in `unshare`. */
int unshare_parse(struct unshare *unshare, const char *value, struct error *err);

void unshare_done(struct unshare *unshare);

#endif
