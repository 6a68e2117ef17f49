/* SPDX-License-Identifier: BSD-3-Clause */
/* choices.c - see choices.h. */
#include "launcher/choices.h"
