/* SPDX-License-Identifier: BSD-3-Clause */
/* host.h - the process that lets ranks into a meeting, see meeting.h. */
#ifndef DAVIT_HOST_H
#define DAVIT_HOST_H

#include <stdint.h>

#include "common/error.h"
#include "common/handover.h"

struct host {
	int listener;                    /* where the guests come */
	int memfd, send_fd, recv_fd;     /* what each of them gets, in this order */
	int first;                       /* pidfd of the rank that starts the host */
	int daemon;                      /* pidfd of the daemon that started the ranks, or -1 */
	const struct handover *handover; /* the memfd, mapped */
	unsigned int count;              /* ranks that the node has */
};

/* All messages between host and guest, on a socket with SO_PASSCRED:
 *	host -> guest	its number
 *	guest -> host	both numbers
 *	host -> guest	both numbers, and the descriptors
 * The numbers are random. Who sends another's back was alive after that one had looked who it is. */
struct greeting {
	uint64_t host, guest;
};

#define HOST_GIVES 3 /* descriptors */

/* Starts the host, which is no child of the caller, so that no application will ever wait for it.
 * It closes all else that it has inherited, and ends by itself. Returns 0, or -1 with errno set. */
int host_start(const struct host *host);

#endif
