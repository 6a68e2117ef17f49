/* SPDX-License-Identifier: BSD-3-Clause */
/* skopeo_error.h - what skopeo says, in one line and with a remedy. */
#ifndef DAVIT_IMPORT_SKOPEO_ERROR_H
#define DAVIT_IMPORT_SKOPEO_ERROR_H

#include "common/error.h"

/* `reference` is what was asked for, "docker://..." or another. Returns -1. */
int skopeo_error(const char *text, const char *reference, struct error *err);

#endif
