/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service.h - Slurm's client commands for a container.
 *
 * A process on the node's side runs them: as the user, in the job's cgroups and environment, with
 * the node's files. In the container a small static program (client.c) lies in place of each
 * command and has it run, with its own standard input, output and error.
 */
#ifndef DAVIT_SLURM_SERVICE_H
#define DAVIT_SLURM_SERVICE_H

#include "common/error.h"
#include "launcher/root.h"

/* Forks the service. To be called while the caller is all of the node still: before it enters any
 * namespace or changes its environment. The service is no child of the caller, and keeps nothing of
 * it open. Returns a descriptor for slurm_service_mount(), or -1 with
 * `err` set. The service ends when that is closed unused, and then when the container ends. */
int slurm_service_start(struct error *err);

/* Makes the service's socket in the container's /dev, which must be there and not yet be sealed,
 * hands it to the service, and binds the client over /usr/bin/NAME for each command that the node
 * has. Takes `control` over. Returns 0, or -1 with `err` set. */
int slurm_service_mount(struct root *root, int control, struct error *err);

#endif
