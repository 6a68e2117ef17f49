/* SPDX-License-Identifier: BSD-3-Clause */
/* ask.h - what is outside of the cache: asking which image a source stands for, and importing it. */
#ifndef DAVIT_IMPORTS_ASK_H
#define DAVIT_IMPORTS_ASK_H

#include "common/digest.h"
#include "common/error.h"

/* The digest of the manifest that the source has now, or what stands for it, see import_digest(): one request
 * to a registry. Returns 0, or -1 with `err`
 * set. */
int ask_digest(const char *source, char digest[DIGEST_TEXT_SIZE], struct error *err);

/* Makes `file` of the source by `davit image import`; of a registry, the image with this digest. Returns 0, or -1
 * with `err` set, and nothing left. */
int ask_import(const char *source, const char *digest, const char *file, struct error *err);

/* Why skopeo failed, from the end of what it has said; for ask_digest(). Returns -1. */
int ask_explain(const char *source, const char *said, struct error *err);

#endif
