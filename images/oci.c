/* SPDX-License-Identifier: BSD-3-Clause */
/* oci.c - see oci.h. */
#include "images/oci.h"
