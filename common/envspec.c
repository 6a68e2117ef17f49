/* SPDX-License-Identifier: BSD-3-Clause */
/* envspec.c - see envspec.h. */
#include "common/envspec.h"
