/* SPDX-License-Identifier: BSD-3-Clause */
/* running.c - see running.h. */
#include "launcher/running.h"
