/* SPDX-License-Identifier: BSD-3-Clause */
/* skopeo_error.h - what skopeo says, in one line and with a remedy: the one table of its messages. */
#ifndef DAVIT_IMPORT_SKOPEO_ERROR_H
#define DAVIT_IMPORT_SKOPEO_ERROR_H

#include "common/error.h"

/* For who calls `davit image import`. `text` is skopeo's line or message, `reference` is what was asked for,
 * "docker://..." or another. Returns -1. */
int skopeo_error(const char *text, const char *reference, struct error *err);

/* For a job that starts: the cause is in words of ours, with the message behind it, and the remedy names none of
 * import's options. Where no registry was asked, it is the message alone. Returns -1. */
int skopeo_explain(const char *message, const char *reference, struct error *err);

#endif
