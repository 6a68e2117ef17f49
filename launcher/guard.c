/* SPDX-License-Identifier: BSD-3-Clause */
/* guard.c - see guard.h. */
#include "launcher/guard.h"
