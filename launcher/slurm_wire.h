/* SPDX-License-Identifier: BSD-3-Clause */
/* slurm_wire.h - what slurm_client.c and slurm_service.c say to each other. */
#ifndef DAVIT_SLURM_WIRE_H
#define DAVIT_SLURM_WIRE_H

#endif
