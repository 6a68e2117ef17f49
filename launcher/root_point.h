/* SPDX-License-Identifier: BSD-3-Clause */
/* root_point.h - mount points in the container's root; for root.c only. */
#ifndef DAVIT_ROOT_POINT_H
#define DAVIT_ROOT_POINT_H

#include <stdbool.h>

#include "common/error.h"
#include "common/mountspec.h"
#include "launcher/root.h"

/* Opens `path` inside the root as a mount point: an O_PATH descriptor that the caller closes, of a directory or
 * not as `is_dir` says. One that does not exist is made as `create` says, on the image or a tmpfs of ours; never
 * on a file system of the host. Returns -1 with `err` set. */
int root_open_point(const struct root *root, const char *path, bool is_dir,
		    enum mount_create create, struct error *err);

#endif
