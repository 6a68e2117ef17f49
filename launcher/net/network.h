/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * network.h - a way out of a network namespace, through slirp4netns or pasta.
 *
 * The program runs as the user in the node's network, and copies packets between that and an
 * interface in the container. Its keeper is a process of Davit's, init of a PID namespace in which
 * there is nothing but the program: so one never survives the other. The keeper ends when the
 * container's last mount is gone, that is with its last process.
 */
#ifndef DAVIT_NETWORK_H
#define DAVIT_NETWORK_H

#include "common/error.h"
#include "common/settings.h"
#include "launcher/namespaces.h"

/* Forks the keeper, in the caller's user namespace and while the caller is still in the node's
 * network, with nothing of the container attached to "/" yet. `unshare` must stay as it is. It is no child of the caller. Returns a
 * descriptor for network_connect(), to be closed after it; the keeper ends when that is closed
 * before. -1 with `err` set on failure. */
int network_start(const struct unshare *unshare, struct error *err);

/* Connects the container's network and publishes its ports; both work when this returns. `mount` is
 * of a file system that nobody has but the container: its end is that of the keeper. Returns 0, or
 * -1 with `err` set. */
int network_connect(int network, const struct namespaces *namespaces, int mount, struct error *err);

/* The node's /etc/resolv.conf may name a server on its loopback, which the container does not reach.
 * Then puts one there that names the way out's own, which asks the node's. `root` still lies on top
 * of the node's. */
int network_mount_names(struct root *root, struct error *err);

#endif
