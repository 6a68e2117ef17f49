/* SPDX-License-Identifier: BSD-3-Clause */
/* server.h - the process that serves an image: how it starts, what it may see and when it ends. */
#ifndef DAVIT_SERVER_H
#define DAVIT_SERVER_H

#include "common/error.h"
#include "images/image.h"
#include "launcher/rendezvous.h"

/* Forks the image server for the mount behind `channel` (from image_mount()). It is no child of the
 * caller, so the application will never wait(2) for it. It ends by itself when the last process
 * that uses the mount has ended. `rendezvous` may be NULL (without Slurm).
 *
 * The caller must close its own copy of `channel` then: a mount whose server died gives ENOTCONN
 * only when nobody else holds the channel. */
int server_start(const struct image *image, int channel, const struct rendezvous *rendezvous,
		 struct error *err);

#endif
