/* SPDX-License-Identifier: BSD-3-Clause */
/* slurm_service.c - see slurm_service.h. */
#include "launcher/slurm_service.h"
