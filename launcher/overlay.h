/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * overlay.h - a layer over the image that takes what is written.
 *
 * It is a tmpfs that goes with the container, or two directories that stay: `upper`, with all that
 * is different from the image, and `work`, the kernel's own.
 */
#ifndef DAVIT_OVERLAY_H
#define DAVIT_OVERLAY_H

#include "common/error.h"
#include "common/mountspec.h"

/* Makes the directory `name` (created with mode 0700 if missing) ready to be a layer: makes upper and work in it,
 * and takes a lock on it, which lasts as long as any copy of the descriptor returned. A layer that
 * is in use is refused with EBUSY. Returns the descriptor, or -1 with `err` set. */
int overlay_prepare(const char *name, struct error *err);

/* Opens the layer `dir` (from overlay_prepare()) in this mount namespace, or where that is -1 a new
 * tmpfs of `size`. Returns a descriptor, or -1 with `err` set. */
int overlay_open(int dir, const char *size, struct error *err);

/* Attaches such a new tmpfs to "/", out of sight, as the kernel wants it for overlay_mount(). Returns 0,
 * or -1 with `err` set. */
int overlay_attach(int dir, int layer, struct error *err);

/* Mounts `layer` over `lower`, the root of a mount that is attached in this mount namespace. The
 * lower files may belong to somebody else, and then the user could create nothing in their
 * directories: those above the targets of the mounts `points` become the user's in the container,
 * unless that is NULL. Returns the detached mount, or -1 with `err` set. */
int overlay_mount(int lower, int layer, const struct mountlist *points, struct error *err);

#endif
