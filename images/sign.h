/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sign.h - the file IMAGE.sig: who vouches for the digest of an image.
 *
 * Text: a line "davit-image-v1 DIGEST", which is what is signed, its line feed included; then a line
 * for each signature, of Ed25519 in base64. The line cannot be mistaken for anything else that somebody
 * may have signed with the same key.
 */
#ifndef DAVIT_SIGN_H
#define DAVIT_SIGN_H

#include <stddef.h>

#include "common/digest.h"
#include "common/error.h"
#include "images/image.h"

#define SIGN_SUFFIX    ".sig"
#define SIGN_SIZE_MAX  4096 /* bytes of the file */
#define SIGN_COUNT_MAX 16   /* signatures in it */

struct signatures {
	char digest[DIGEST_TEXT_SIZE]; /* what they are for */
	size_t count;
	unsigned char items[SIGN_COUNT_MAX][64];
};

/* Reads the text of such a file. Returns 0, or -1 with `err` set. */
int signatures_parse(struct signatures *signatures, const char *text, size_t len,
		     struct error *err);

/* The text of such a file, to be freed; NULL when out of memory. */
char *signatures_text(const struct signatures *signatures);

/* Signs signatures->digest with the private key in the PEM file `path`, unless that key has. Needs
 * crypto_open(). Returns 0, or -1 with `err` set. */
int signatures_add(struct signatures *signatures, const char *path, struct error *err);

/* Reads the file beside the open image `fd`. Returns 0, or -1 with `err` set; err->errnum is ENOENT where
 * there is none. */
int signatures_read(struct signatures *signatures, int fd, struct error *err);

#endif
