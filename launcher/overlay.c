/* SPDX-License-Identifier: BSD-3-Clause */
/* overlay.c - see overlay.h. */
#include "launcher/overlay.h"
