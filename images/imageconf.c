/* SPDX-License-Identifier: BSD-3-Clause */
/* imageconf.c - see imageconf.h. */
#include "images/imageconf.h"
