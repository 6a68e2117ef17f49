/* SPDX-License-Identifier: BSD-3-Clause */
/* subids.c - see subids.h. */
#include "launcher/subids.h"
