/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bare_mount.c - an image mounted by Davit's server alone, without a container
 *
 *	bare_mount [--io_uring] IMAGE DIR
 *
 * For root, in the namespaces where it is called. It serves until DIR is unmounted, and closes its
 * standard output as soon as it can answer, so that who reads that knows when the mount is ready.
 */
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/serve.h"
#include "images/uring.h"

#define CACHE ((size_t)8 << 20) /* bytes, as without --container-image-cache */

static void ready(void)
{
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void damaged(void)
{
	fprintf(stderr, "bare_mount: the image is damaged\n");
}

static int serve(const char *path, const char *dir, bool by_rings, struct error *err)
{
	struct image image = IMAGE_INIT;
	struct image_server server = { .image = &image,
				       .cpu = -1,
				       .cpus = (int)sysconf(_SC_NPROCESSORS_ONLN),
				       .cache_size = CACHE,
				       .ready = ready,
				       .damaged = damaged };
	struct service *service = NULL;
	cleanup_close int mount = -1;
	const char *missing = NULL;
	int queues = by_rings ? uring_queues(&missing) : 0;

	if (missing)
		return error_set(err, 0, "no io_uring: %s", missing);
	if (image_open(&image, path, err) < 0 || (server.channel = image_channel(err)) < 0 ||
	    (by_rings && !(server.uring = uring_new(server.channel, queues, server.cpus, err))) ||
	    (mount = image_mount(&image, server.channel, err)) < 0 || image_seal(mount, err) < 0 ||
	    !(service = image_service_new(&server, err)))
		return -1;
	if (move_mount(mount, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, errno, "cannot mount at '%s'", dir);
	close(steal_fd(&mount));
	return image_serve(service, err);
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	bool by_rings = argc == 4 && strcmp(argv[1], "--io_uring") == 0;

	if (argc != 3 + by_rings) {
		fprintf(stderr, "usage: bare_mount [--io_uring] IMAGE DIR\n");
		return 2;
	}
	if (serve(argv[1 + by_rings], argv[2 + by_rings], by_rings, &err) == 0)
		return 0;
	fprintf(stderr, "bare_mount: %s\n", err.cause);
	return 1;
}
