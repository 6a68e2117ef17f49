/* SPDX-License-Identifier: BSD-3-Clause */
/* slurm_service.h - Slurm's client commands for a container. */
#ifndef DAVIT_SLURM_SERVICE_H
#define DAVIT_SLURM_SERVICE_H

#endif
