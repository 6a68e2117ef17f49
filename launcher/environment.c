/* SPDX-License-Identifier: BSD-3-Clause */
/* environment.c - see environment.h. */
#include "launcher/environment.h"
