/* SPDX-License-Identifier: BSD-3-Clause */
/* conf.c - see conf.h. */
#include "launcher/conf.h"
