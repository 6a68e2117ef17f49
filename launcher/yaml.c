/* SPDX-License-Identifier: BSD-3-Clause */
/* yaml.c - see yaml.h. */
#include "launcher/yaml.h"
