/* SPDX-License-Identifier: BSD-3-Clause */
/* foreign.c - see foreign.h. */
#include "images/foreign.h"
