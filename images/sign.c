/* SPDX-License-Identifier: BSD-3-Clause */
/* sign.c - see sign.h, and image_check_signature() in image.h. */
#include "images/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/beside.h"
#include "images/crypto.h"

#define DOMAIN       "davit-image-v1 "
#define DIGEST_LEN   (DIGEST_TEXT_SIZE - 1)
#define LINE_LEN     (sizeof(DOMAIN) - 1 + DIGEST_LEN) /* of what is signed, without '\n' */
#define BASE64_LEN   88                                /* of 64 bytes */
#define KEY_SIZE_MAX 65536

_Static_assert(sizeof(((struct signatures *)NULL)->items[0]) == CRYPTO_SIGNATURE_BYTES, "Ed25519");

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(const unsigned char bytes[CRYPTO_SIGNATURE_BYTES], char text[BASE64_LEN + 1])
{
	for (size_t i = 0; i < CRYPTO_SIGNATURE_BYTES; i += 3) {
		unsigned int three = (unsigned int)bytes[i] << 16;
		size_t at = i / 3 * 4;

		/* The last group has one byte. */
		if (i + 2 < CRYPTO_SIGNATURE_BYTES)
			three |= (unsigned int)bytes[i + 1] << 8 | bytes[i + 2];
		for (size_t j = 0; j < 4; j++)
			text[at + j] = digits[three >> (18 - 6 * j) & 63];
	}
	memcpy(text + BASE64_LEN - 2, "==", 3);
}

/* The one form of each signature, and no other. */
static bool decode(const char *text, unsigned char bytes[CRYPTO_SIGNATURE_BYTES])
{
	char again[BASE64_LEN + 1];

	for (size_t i = 0; i < CRYPTO_SIGNATURE_BYTES; i += 3) {
		unsigned int three = 0;
		size_t at = i / 3 * 4;

		for (size_t j = 0; j < 4; j++) {
			const char *digit = text[at + j] ? strchr(digits, text[at + j]) : NULL;

			three = three << 6 | (digit ? (unsigned int)(digit - digits) : 0);
		}
		for (size_t j = 0; j < 3 && i + j < CRYPTO_SIGNATURE_BYTES; j++)
			bytes[i + j] = (unsigned char)(three >> (16 - 8 * j));
	}
	encode(bytes, again);
	return memcmp(again, text, BASE64_LEN) == 0;
}

static int refuse(struct error *err)
{
	error_set(err, 0, "it is damaged, or no file of signatures");
	return error_remedy(err, "davit image sign makes it anew; rm the file first");
}

int signatures_parse(struct signatures *signatures, const char *text, size_t len, struct error *err)
{
	struct error ignored = ERROR_INIT;
	char digest[DIGEST_TEXT_SIZE] = "";

	signatures->count = 0;
	if (len < LINE_LEN + 1 || memcmp(text, DOMAIN, sizeof(DOMAIN) - 1) != 0 ||
	    text[LINE_LEN] != '\n')
		return refuse(err);
	memcpy(digest, text + sizeof(DOMAIN) - 1, DIGEST_LEN);
	if (digest_parse(digest, signatures->digest, &ignored) < 0 ||
	    strcmp(digest, signatures->digest) != 0)
		return refuse(err);
	text += LINE_LEN + 1;
	len -= LINE_LEN + 1;
	while (len > 0) {
		if (signatures->count == SIGN_COUNT_MAX || len < BASE64_LEN + 1 ||
		    text[BASE64_LEN] != '\n' || !decode(text, signatures->items[signatures->count]))
			return refuse(err);
		signatures->count++;
		text += BASE64_LEN + 1;
		len -= BASE64_LEN + 1;
	}
	return signatures->count > 0 ? 0 : refuse(err);
}

static void make_line(const char *digest, char line[LINE_LEN + 2])
{
	snprintf(line, LINE_LEN + 2, DOMAIN "%s\n", digest);
}

char *signatures_text(const struct signatures *signatures)
{
	char line[LINE_LEN + 2], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	make_line(signatures->digest, line);
	fputs(line, out);
	for (size_t i = 0; i < signatures->count; i++) {
		char base64[BASE64_LEN + 1];

		encode(signatures->items[i], base64);
		fprintf(out, "%s\n", base64);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Whoever may write to a key's file, or to its directory, says who is trusted. */
static int check_owner(const char *path, const struct stat *st, struct error *err)
{
	if (st->st_uid != 0) {
		error_set(err, 0, "key '%s' does not belong to root", path);
		return error_remedy(err, "chown root '%s'", path);
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		error_set(err, 0, "others than root may write to key '%s'", path);
		return error_remedy(err, "chmod go-w '%s'", path);
	}
	return 0;
}

static char *read_key(const char *path, bool of_site, size_t *len, struct error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set(err, errno, "cannot read key '%s'", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, 0, "key '%s' is not a regular file", path);
		return NULL;
	}
	if (of_site && check_owner(path, &st, err) < 0)
		return NULL;
	text = fd_read_all(fd, KEY_SIZE_MAX, len);
	if (!text)
		error_set(err, errno, "cannot read key '%s'", path);
	return text;
}

int signatures_add(struct signatures *signatures, const char *path, struct error *err)
{
	unsigned char signature[CRYPTO_SIGNATURE_BYTES];
	size_t len = 0;
	cleanup_free char *pem = read_key(path, false, &len, err);
	char line[LINE_LEN + 2];
	int result;

	if (!pem)
		return -1;
	make_line(signatures->digest, line);
	result = crypto_sign(pem, len, line, signature, err);
	explicit_bzero(pem, len);
	if (result < 0)
		return error_wrap(err, "cannot use key '%s'", path);
	/* One key signs one text in one way. */
	for (size_t i = 0; i < signatures->count; i++)
		if (memcmp(signatures->items[i], signature, sizeof(signature)) == 0)
			return 0;
	if (signatures->count == SIGN_COUNT_MAX)
		return error_set(err, 0, "there are %d signatures already", SIGN_COUNT_MAX);
	memcpy(signatures->items[signatures->count++], signature, sizeof(signature));
	return 0;
}

int signatures_read(struct signatures *signatures, int fd, struct error *err)
{
	cleanup_free char *path = beside_path(fd, SIGN_SUFFIX, err);
	cleanup_close int file = path ? beside_open(path, err) : -1;
	cleanup_free char *text = NULL;
	size_t len = 0;

	if (file < 0)
		return -1;
	text = fd_read_all(file, SIGN_SIZE_MAX, &len);
	if (!text)
		return error_set(err, errno, "cannot read '%s'", path);
	return signatures_parse(signatures, text, len, err) < 0 ? error_wrap(err, "'%s'", path) : 0;
}

/* Returns 1 if the key in the file `path` has made one of them, 0 if not, -1 with `err` set. */
static int is_signed_by(const struct signatures *signatures, const char *path, bool of_site,
			struct error *err)
{
	unsigned char key[CRYPTO_KEY_BYTES];
	char line[LINE_LEN + 2];
	size_t len = 0;
	cleanup_free char *pem = read_key(path, of_site, &len, err);

	if (!pem)
		return -1;
	if (crypto_read_public(pem, len, key, err) < 0)
		return error_wrap(err, "cannot use key '%s'", path);
	make_line(signatures->digest, line);
	for (size_t i = 0; i < signatures->count; i++)
		if (crypto_is_signed(key, line, signatures->items[i]))
			return 1;
	return 0;
}

/* No one has signed; `signatures` is NULL where there is no file of them. */
static int refuse_unsigned(const struct image *image, bool has_file, bool has_keys,
			   struct error *err)
{
	if (!has_keys) {
		error_set(err, 0, "image '%s' has to be signed, but there is no key to check that",
			  image->path);
		return error_remedy(err, "ask your admin to list keys as image-keys in davit.conf");
	}
	error_set(err, 0,
		  has_file ? "nobody who is trusted has signed image '%s'"
			   : "image '%s' is not signed",
		  image->path);
	return error_remedy(err, "davit image sign --key KEY.pem %s", image->path);
}

int image_check_signature(const struct image *image, const char *digest,
			  const struct image_keys *keys, const char **key, struct error *err)
{
	struct signatures signatures = { .count = 0 };

	if (!keys->paths || !keys->paths[0])
		return refuse_unsigned(image, false, false, err);
	if (crypto_open(err) < 0)
		return -1;
	if (signatures_read(&signatures, image->fd, err) < 0)
		return err->errnum == ENOENT ? refuse_unsigned(image, false, true, err) : -1;
	if (strcmp(signatures.digest, digest) != 0) {
		error_set(err, 0, "the signature of image '%s' is for %s, not for %s", image->path,
			  signatures.digest, digest);
		return error_remedy(err, "davit image sign --key KEY.pem %s, if the image is right",
				    image->path);
	}
	for (char *const *path = keys->paths; *path; path++) {
		int is_signed = is_signed_by(&signatures, *path, keys->of_site, err);

		if (is_signed < 0)
			return -1;
		if (is_signed && key)
			*key = *path;
		if (is_signed)
			return 0;
	}
	return refuse_unsigned(image, true, true, err);
}
