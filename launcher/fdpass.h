/* SPDX-License-Identifier: BSD-3-Clause */
/* fdpass.h - messages with descriptors, over a Unix socket that keeps them apart. */
#ifndef DAVIT_FDPASS_H
#define DAVIT_FDPASS_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#define FDPASS_MAX 10 /* descriptors in one message */

/* Sends `len` bytes, one at least, and `count` descriptors without waiting. Returns 0, or -1 with
 * errno set. */
int fdpass_send(int socket, const void *data, size_t len, const int *fds, size_t count);

/* Receives one message, with the recvmsg(2) flags MSG_PEEK and MSG_DONTWAIT if wanted. The
 * descriptors are close-on-exec and go to `fds`, of FDPASS_MAX places, the others become -1. Returns
 * the length of the data, 0 at the end, or -1 with errno set; EPROTO: there were more of either. */
ssize_t fdpass_receive(int socket, void *data, size_t size, int *fds, int flags);

/* The same for a socket with SO_PASSCRED: the process that has sent the message goes to `from`, its
 * pid 0 if that has no number here. */
ssize_t fdpass_receive_from(int socket, void *data, size_t size, int *fds, int flags,
			    struct ucred *from);

#endif
