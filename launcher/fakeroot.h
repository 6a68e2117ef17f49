/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fakeroot.h - root in a container that has one user and the user's groups, and no other id.
 *
 * There, package managers fail when they give a file to somebody or become somebody else. The
 * filter lets these calls succeed without doing anything: all files stay the user's.
 */
#ifndef DAVIT_FAKEROOT_H
#define DAVIT_FAKEROOT_H

#include <seccomp.h>
#include <stdbool.h>

#include "common/error.h"
#include "launcher/root.h"

/* Adds the rules to a filter, but for calls that `is_refused`. Returns 0, or a negative errno. */
int fakeroot_rules(scmp_filter_ctx filter, bool (*is_refused)(int call, const void *data),
		   const void *data);

/* Where the image has apt, makes it stay root: otherwise it becomes a user of its own to download,
 * and looks whether it did. Returns 0, or -1 with `err` set. */
int fakeroot_mount(struct root *root, struct error *err);

#endif
