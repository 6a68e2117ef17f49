/* SPDX-License-Identifier: BSD-3-Clause */
/* edits.c - see edits.h. */
#include "launcher/edits.h"
