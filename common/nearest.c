/* SPDX-License-Identifier: BSD-3-Clause */
/* nearest.c - see nearest.h. */
#include "common/nearest.h"
