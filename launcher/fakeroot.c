/* SPDX-License-Identifier: BSD-3-Clause */
/* fakeroot.c - see fakeroot.h. */
#include "launcher/fakeroot.h"
