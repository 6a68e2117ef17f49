/* SPDX-License-Identifier: BSD-3-Clause */
/* sif.c - see sif.h. */
#include "images/sif.h"
