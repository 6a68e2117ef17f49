/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve.h - an image as a mounted file system.
 *
 * Mounting takes a channel to the kernel and two sides: image_mount() asks the kernel for a FUSE
 * mount, which nobody can see yet, and image_serve() answers the kernel's questions in a process of
 * its own, until the last user of the mount is gone. A question asked before the server runs simply
 * waits for it. In between, after image_service_new() has all it needs and before a byte of the image
 * is read, that process can give up everything else.
 */
#ifndef DAVIT_SERVE_H
#define DAVIT_SERVE_H

#include <sys/types.h>

#include "common/error.h"
#include "images/image.h"
#include "images/stats.h"

/* Opens /dev/fuse. The mount must come from the same user namespace. Returns it, or -1 with `err`
 * set. */
int image_channel(struct error *err);

/* Creates a FUSE file system over `channel`, owned by the calling user in the current user
 * namespace; the mount namespace must belong to that. It is writable until image_seal(), for
 * mkdir(2) and mknod(2) of mount points only (added.h). Returns the detached mount; -1 with `err`
 * set on failure. */
int image_mount(const struct image *image, int channel, struct error *err);

/* Makes the file system mounted at the directory `mount` read-only for good, as a whole. */
int image_seal(int mount, struct error *err);

struct uring;

struct image_server {
	const struct image *image;
	int channel;         /* taken over */
	struct uring *uring; /* for requests through memory, if the kernel wants it; or NULL */
	int cpu;             /* where the first requests come from, -1 if that is not known */
	int cpus; /* that may be kept busy: there are no more threads for requests than that */
	size_t cache_size; /* bytes of decompressed blocks that are kept, if the threads get along with that */
	uid_t uid; /* every file belongs to this user and group: nobody else is mapped */
	gid_t gid;
	struct stats *stats; /* where to count; NULL: nobody looks */
	/* Called once when all is set up. */
	void (*ready)(void);
	/* Called at most once: a part of the image is damaged or unreadable, or is not what its
	 * digest says (image_blame()). */
	void (*damaged)(void);
};

struct service;

/* Sets up all that image_serve() needs but the image, of which nothing is read yet. What `server`
 * points to must live as long as the process. NULL with `err` set on failure. */
struct service *image_service_new(const struct image_server *server, struct error *err);

void image_service_free(struct service *service);

/* Serves until the file system is unmounted, with a thread for each CPU, up to a few. It opens nothing
 * and names no file. Returns 0 then, or -1 with `err` set if it could not start. */
int image_serve(struct service *service, struct error *err);

#endif
