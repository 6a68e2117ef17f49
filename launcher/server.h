/* SPDX-License-Identifier: BSD-3-Clause */
/* server.h - the process that serves an image: how it starts, what it may see and when it ends. */
#ifndef DAVIT_SERVER_H
#define DAVIT_SERVER_H

#include "common/error.h"
#include "images/image.h"
#include "launcher/rendezvous.h"

/* Forks the image server for `channel` (from image_channel()), in the caller's user namespace and
 * before the caller has a mount namespace of its own. It gets ready at once, and serves when told
 * so by server_go(). It is no child of the caller, so the application will never wait(2) for it.
 * It ends by itself when the last process that uses the mount has ended, or when the caller dies
 * before server_go(). It begins on the CPU that
 * the caller is on. Returns a descriptor for server_go(), or -1 with `err` set.
 *
 * The caller must close its own copy of `channel` in the end: a mount whose server died gives
 * ENOTCONN only when nobody else holds the channel. */
int server_start(const struct image *image, int channel, const struct rendezvous *rendezvous,
		 struct error *err);

/* The mount is there: lets the server begin. Takes `go` over. */
void server_go(int go);

#endif
