/* SPDX-License-Identifier: BSD-3-Clause */
/* network.c - see network.h. */
#include "launcher/network.h"
