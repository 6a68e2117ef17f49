/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * broadcast.h - a copy from the first node of a step to the others, by Slurm's sbcast(1).
 *
 * slurmd writes it, as the user, from node to node in a tree. It gives it its mode last, so that mode tells
 * that all is there.
 */
#ifndef DAVIT_STAGE_BROADCAST_H
#define DAVIT_STAGE_BROADCAST_H

#include "launcher/stage/store.h"

/* Sends the copy of `store` to all nodes of the step, this one too, which drops it. Returns 0, or -1 with
 * `err` set. */
int broadcast_send(const struct store *store, const char *job, const char *step, struct error *err);

/* Waits for it, for `wait` seconds after whatever was heard of it last, at first for as long as the
 * sender may need to read the image besides. Returns the open file, or -1 with `err` set. */
int broadcast_await(const struct store *store, unsigned int wait, struct error *err);

#endif
