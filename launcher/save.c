/* SPDX-License-Identifier: BSD-3-Clause */
/* save.c - see save.h. */
#include "launcher/save.h"
