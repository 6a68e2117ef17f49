/* SPDX-License-Identifier: BSD-3-Clause */
/* namespaces.c - see namespaces.h. */
#include "launcher/namespaces.h"
