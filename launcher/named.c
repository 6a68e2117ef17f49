/* SPDX-License-Identifier: BSD-3-Clause */
/* named.c - see named.h. */
#include "launcher/named.h"
