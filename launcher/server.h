/* SPDX-License-Identifier: BSD-3-Clause */
/* server.h - the process that serves an image: how it starts, what it may see and when it ends. */
#ifndef DAVIT_SERVER_H
#define DAVIT_SERVER_H

#include <stdbool.h>

#include "common/error.h"
#include "common/settings.h"
#include "images/image.h"
#include "launcher/rendezvous.h"

struct server {
	const struct image *image;
	int channel; /* of the mount, from image_channel(); -1 for a directory, which needs no server: */
	int watch;         /* then an inotify(7) that will tell when the container's root is gone */
	int held;          /* to be kept open as long as the container lasts, or -1 */
	int imported;      /* the same: it keeps the image in the import cache; or -1 */
	size_t cache_size; /* bytes of decompressed data that are kept */
	enum transport transport;
	bool tells; /* the user wants to know in the end what was read */
	const struct rendezvous *rendezvous;
};

/* Forks the image server, in the caller's user namespace and before the caller has a mount namespace
 * of its own. It gets ready at once, and serves when told so by server_go(). It is no child of the
 * caller, so the application will never wait(2) for it. It ends by itself when the last process that
 * uses the mount has ended, or when the caller dies before server_go(). It begins on the CPU that
 * the caller is on. Returns a descriptor for server_go(), or -1 with `err` set.
 *
 * The caller must close its own copy of `channel` in the end: a mount whose server died gives
 * ENOTCONN only when nobody else holds the channel. */
int server_start(const struct server *server, struct error *err);

/* The mount is there: lets the server begin. `layer` is in the file system that takes what is
 * written, for the server to tell the plugin when that is full; -1 for none. Takes `go` over. */
void server_go(int go, int layer);

#endif
