/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto.h - SHA-256 and Ed25519, over OpenSSL's libcrypto.
 *
 * The library is opened when it is needed, see crypto.c. It reads no configuration file.
 */
#ifndef DAVIT_CRYPTO_H
#define DAVIT_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "common/digest.h"
#include "common/error.h"

#define CRYPTO_KEY_BYTES       32
#define CRYPTO_SIGNATURE_BYTES 64

/* Opens the library; to be called before everything else here, and while there is one thread. Returns
 * 0, also when it is open already, or -1 with `err` set. */
int crypto_open(struct error *err);

/* Any thread may call it. Returns 0, or -1 when out of memory. */
int crypto_sha256(const void *data, size_t len, unsigned char digest[DIGEST_BYTES]);

/* The same as a text, "sha256:...". */
int crypto_digest(const void *data, size_t len, char text[DIGEST_TEXT_SIZE]);

/* SHA-256 of what comes in pieces. NULL, or -1, without memory; NULL is fine to be freed. */
struct crypto_hash;
struct crypto_hash *crypto_hash_new(void);
int crypto_hash_add(struct crypto_hash *hash, const void *data, size_t len);
int crypto_hash_end(struct crypto_hash *hash, unsigned char digest[DIGEST_BYTES]);
void crypto_hash_free(struct crypto_hash *hash);

/* Takes an Ed25519 public key out of the text of a PEM file. Returns 0, or -1 with `err` set; the
 * caller puts the file's name in front. */
int crypto_read_public(const char *pem, size_t len, unsigned char key[CRYPTO_KEY_BYTES],
		       struct error *err);

/* Signs `text` with the Ed25519 private key of a PEM file; asks at the terminal for its pass phrase,
 * where it has one. Returns 0, or -1 with `err` set. */
int crypto_sign(const char *pem, size_t len, const char *text,
		unsigned char signature[CRYPTO_SIGNATURE_BYTES], struct error *err);

/* Whether `signature` is that of the owner of `key` on `text`. */
bool crypto_is_signed(const unsigned char key[CRYPTO_KEY_BYTES], const char *text,
		      const unsigned char signature[CRYPTO_SIGNATURE_BYTES]);

#endif
