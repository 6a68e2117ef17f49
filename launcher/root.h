/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * root.h - the container's root directory while it is being put together.
 *
 * The image is mounted on top of "/" of a private mount namespace. Paths of this process still
 * start at the host's root below, so both worlds are in reach: the host by path, the container by
 * descriptor. Paths inside the container are resolved by openat2(RESOLVE_IN_ROOT), so no symbolic
 * link of a hostile image leads out of it. root_enter() then makes it the root and lets go of the
 * host's.
 */
#ifndef DAVIT_ROOT_H
#define DAVIT_ROOT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/mountspec.h"

#define ROOT_OWN_MAX 32

struct root {
	int fd;  /* the image's root directory */
	int dev; /* the tmpfs at /dev, also the birthplace of generated files; or -1 */
	dev_t own[ROOT_OWN_MAX]; /* file systems where a missing mount point may be made */
	size_t own_count;
};

/* Attaches the detached mount `image` (still owned by the caller) as the root. The mount namespace
 * must be private to the caller. */
int root_init(struct root *root, int image, struct error *err);
void root_done(struct root *root);

/* Attaches the detached `mount` where nobody will see it: on "/", below what comes there next. */
int root_attach_below(int mount, struct error *err);

/* The path by which the kernel knows `fd`. Returns 0, or -1 with errno set. */
int root_path(int fd, char path[PATH_MAX]);

/* Opens the directory `fd` of another mount namespace once more, in this one. Returns an O_PATH
 * descriptor, or -1, also where another directory has taken its place. */
int root_reopen(int fd, struct error *err);

/* Creates a detached tmpfs; `size` as tmpfs(5) takes it. Returns its descriptor or -1. */
int root_tmpfs(const char *size, const char *mode, struct error *err);

/* Lets mount points be made on the file system of `fd`. */
int root_own(struct root *root, int fd, struct error *err);

/* Attaches the detached mount `tree` at `path` inside. The mount point is made if it is missing. */
int root_attach(struct root *root, int tree, const char *path, struct error *err);

/* One mount of the user or of Davit itself, in two steps. The first makes a detached mount from the
 * source, with all flags, and returns it; it needs no root yet, and so "/" can be a source, too. The
 * second puts it where it belongs. */
int root_open_source(const struct mountspec *spec, struct error *err);
int root_place(struct root *root, int tree, const struct mountspec *spec, struct error *err);

/* Binds `source` of the node, with all that is mounted below it, at `target` inside. Where the
 * source of an optional one cannot be had, nothing happens. */
int root_bind(struct root *root, const char *source, const char *target, bool optional,
	      struct error *err);

/* Is the container's /dev Davit's own, or is something mounted on it? */
bool root_has_dev(const struct root *root);

/* Puts a file with this text, or these bytes, at `path` inside, in place of the image's. */
int root_put_file(struct root *root, const char *path, const char *text, struct error *err);
int root_put_data(struct root *root, const char *path, const void *data, size_t len,
		  struct error *err);

/* Makes the attached mount `fd` the root directory and detaches the old root with all that is
 * mounted below it. The working directory becomes "/". */
int root_enter(int fd, struct error *err);

#endif
