/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crypto.c - see crypto.h. The one file that knows OpenSSL.
 *
 * To load libcrypto takes 0.6 ms, which each start of `davit` would pay if it were linked; so it is
 * opened by those who check a digest only. It stays: the process becomes a program soon, or the image
 * server.
 */
#include "images/crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "common/library.h"

#define LIBRARY "libcrypto.so.3"

#if OPENSSL_VERSION_MAJOR != 3
#error "Davit is made for OpenSSL 3"
#endif

/* clang-format off */
#define FUNCTIONS(X)                                                                       \
	X(BIO_free) X(BIO_new_mem_buf) X(EVP_Digest) X(EVP_DigestSign) X(EVP_DigestSignInit) \
	X(EVP_DigestFinal_ex) X(EVP_DigestInit_ex) X(EVP_DigestUpdate) X(EVP_DigestVerify) X(EVP_DigestVerifyInit) X(EVP_MD_CTX_free) X(EVP_MD_CTX_new)     \
	X(EVP_MD_fetch) X(EVP_PKEY_free) X(EVP_PKEY_get_id)                                  \
	X(EVP_PKEY_get_raw_public_key) X(EVP_PKEY_new_raw_public_key)                        \
	X(OPENSSL_init_crypto) X(PEM_read_bio_PUBKEY) X(PEM_read_bio_PrivateKey)
/* clang-format on */

/* Functions of the library, by their names there. */
#define DECLARE(name) __typeof__(name) *name;
static struct {
	FUNCTIONS(DECLARE)
} calls;

#define NAME(name) { #name, &calls.name },
static const struct library_call wanted[] = { FUNCTIONS(NAME) };

static EVP_MD *sha256; /* NULL: not open yet */

int crypto_open(struct error *err)
{
	void *library;

	if (sha256)
		return 0;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		error_set(err, 0, "cannot check digests: %s", dlerror());
		return error_remedy(err, "ask your admin for OpenSSL 3 on this node (libssl3)");
	}
	if (library_take(library, LIBRARY, wanted, sizeof(wanted) / sizeof(wanted[0]), err) < 0)
		return -1;
	/* OPENSSL_CONF could name libraries to load. */
	if (calls.OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) !=
	    1)
		return error_set(err, 0, "%s does not start", LIBRARY);
	sha256 = calls.EVP_MD_fetch(NULL, "SHA256", NULL);
	return sha256 ? 0 : error_set(err, 0, "%s has no SHA-256", LIBRARY);
}

int crypto_sha256(const void *data, size_t len, unsigned char digest[DIGEST_BYTES])
{
	return calls.EVP_Digest(data, len, digest, NULL, sha256, NULL) == 1 ? 0 : -1;
}

int crypto_digest(const void *data, size_t len, char text[DIGEST_TEXT_SIZE])
{
	unsigned char bytes[DIGEST_BYTES];

	if (crypto_sha256(data, len, bytes) < 0)
		return -1;
	digest_format(bytes, text);
	return 0;
}

struct crypto_hash *crypto_hash_new(void)
{
	EVP_MD_CTX *context = calls.EVP_MD_CTX_new();

	if (context && calls.EVP_DigestInit_ex(context, sha256, NULL) != 1) {
		calls.EVP_MD_CTX_free(context);
		context = NULL;
	}
	return (struct crypto_hash *)context;
}

int crypto_hash_add(struct crypto_hash *hash, const void *data, size_t len)
{
	return calls.EVP_DigestUpdate((EVP_MD_CTX *)hash, data, len) == 1 ? 0 : -1;
}

int crypto_hash_end(struct crypto_hash *hash, unsigned char digest[DIGEST_BYTES])
{
	return calls.EVP_DigestFinal_ex((EVP_MD_CTX *)hash, digest, NULL) == 1 ? 0 : -1;
}

void crypto_hash_free(struct crypto_hash *hash)
{
	if (hash)
		calls.EVP_MD_CTX_free((EVP_MD_CTX *)hash);
}

static bool is_ed25519(const EVP_PKEY *key)
{
	return key && calls.EVP_PKEY_get_id(key) == EVP_PKEY_ED25519;
}

int crypto_read_public(const char *pem, size_t len, unsigned char key[CRYPTO_KEY_BYTES],
		       struct error *err)
{
	BIO *bio = calls.BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *pkey = bio ? calls.PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	size_t size = CRYPTO_KEY_BYTES;
	int result = 0;

	if (!is_ed25519(pkey) || calls.EVP_PKEY_get_raw_public_key(pkey, key, &size) != 1 ||
	    size != CRYPTO_KEY_BYTES) {
		error_set(err, 0, "it is not an Ed25519 public key in PEM");
		result = error_remedy(err, "openssl pkey -in KEY.pem -pubout -out PUBLIC.pem");
	}
	calls.EVP_PKEY_free(pkey);
	(void)calls.BIO_free(bio);
	return result;
}

int crypto_sign(const char *pem, size_t len, const char *text,
		unsigned char signature[CRYPTO_SIGNATURE_BYTES], struct error *err)
{
	BIO *bio = calls.BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = bio ? calls.PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	EVP_MD_CTX *context = calls.EVP_MD_CTX_new();
	size_t size = CRYPTO_SIGNATURE_BYTES;
	int result = 0;

	if (!is_ed25519(key)) {
		error_set(err, 0, "it is not an Ed25519 private key in PEM");
		result = error_remedy(err, "openssl genpkey -algorithm ed25519 -out KEY.pem");
	} else if (!context || calls.EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
		   calls.EVP_DigestSign(context, signature, &size, (const unsigned char *)text,
					strlen(text)) != 1 ||
		   size != CRYPTO_SIGNATURE_BYTES) {
		result = error_set(err, 0, "it does not sign");
	}
	calls.EVP_MD_CTX_free(context);
	calls.EVP_PKEY_free(key);
	(void)calls.BIO_free(bio);
	return result;
}

bool crypto_is_signed(const unsigned char key[CRYPTO_KEY_BYTES], const char *text,
		      const unsigned char signature[CRYPTO_SIGNATURE_BYTES])
{
	EVP_PKEY *pkey =
		calls.EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, CRYPTO_KEY_BYTES);
	EVP_MD_CTX *context = calls.EVP_MD_CTX_new();
	bool is_signed = pkey && context &&
			 calls.EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
			 calls.EVP_DigestVerify(context, signature, CRYPTO_SIGNATURE_BYTES,
						(const unsigned char *)text, strlen(text)) == 1;

	calls.EVP_MD_CTX_free(context);
	calls.EVP_PKEY_free(pkey);
	return is_signed;
}
