/* SPDX-License-Identifier: BSD-3-Clause */
/* counts.h - what an image server that runs has counted so far. */
#ifndef DAVIT_COUNTS_H
#define DAVIT_COUNTS_H

#include <stdbool.h>

#include "common/handover.h"

/* Reads them from the memory that the process `proc`, an open directory of /proc, shares with the
 * plugin (handover.h). Whoever owns the process may have written any numbers, and any bytes to `staged`:
 * the copy of the image that it reads, or "". Returns false where there are none, or they are out of reach. */
bool counts_read(int proc, uint64_t values[STAT_COUNT], char staged[HANDOVER_STAGED_MAX]);

#endif
