/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * namespaces.h - the namespaces of a container: the two it always has, user and mount, and those by
 * choice, with the kernel's file systems that show them.
 *
 * A process never moves into a PID namespace, its next children do. So a container with one has an
 * init, forked by the builder; and each rank has a guard outside (guard.h). The kernel kills all
 * that is inside when init ends, and that ends with the last holder of its lifeline, the guards.
 */
#ifndef DAVIT_NAMESPACES_H
#define DAVIT_NAMESPACES_H

#include "common/error.h"
#include "common/settings.h"
#include "launcher/root.h"

/* In the order in which they are to be entered: the first gives the right to enter the others. */
enum namespace {
	NAMESPACE_USER,
	NAMESPACE_NET,
	NAMESPACE_IPC,
	NAMESPACE_UTS,
	NAMESPACE_PID, /* for children */
	NAMESPACE_MOUNT,
	NAMESPACE_COUNT
};

struct namespaces {
	unsigned int what;        /* as in struct unshare */
	int fds[NAMESPACE_COUNT]; /* -1 where it shares the node's */
	int proc;     /* with UNSHARE_PID, for the builder: its procfs, detached; else -1 */
	int lifeline; /* with UNSHARE_PID: init lives as long as anybody has it open; else -1 */
};

#define NAMESPACES_INIT                                                                            \
	{                                                                                          \
		.what = 0, .fds = { [0 ... NAMESPACE_COUNT - 1] = -1 }, .proc = -1, .lifeline = -1 \
	}

/* Creates a mount namespace, in the caller's user namespace: the mounts become slaves of the node's.
 * Returns 0, or -1 with `err` set. */
int namespaces_create_mount(struct error *err);

/* Creates those of `what` in addition: loopback is brought up, init is forked. With UNSHARE_PID every later child
 * of the caller is in the PID namespace; and the container's /proc is no good for the caller, which
 * is not. Returns 0, or -1 with `err` set. What it has opened stays open until the process executes
 * its command or ends. */
int namespaces_create(unsigned int what, struct namespaces *namespaces, struct error *err);

/* Puts /proc and /sys into the root: of the container's namespaces, where it has some and the kernel
 * allows it, otherwise the node's. */
int namespaces_mount_kernel(const struct namespaces *namespaces, struct root *root,
			    struct error *err);

/* Puts /dev/shm and /dev/mqueue there, fresh ones with UNSHARE_IPC, otherwise the node's. */
int namespaces_mount_ipc(const struct namespaces *namespaces, struct root *root, struct error *err);

/* Enters all of them. The working directory becomes the container's root. */
int namespaces_enter(const struct namespaces *namespaces, struct error *err);

#endif
