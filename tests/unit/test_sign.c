/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sign.c - files of signatures, keys, and who has signed an image. */
#include "tests/unit/unit.h"

#include <errno.h>

#include "images/crypto.h"
#include "images/image.h"
#include "images/sign.h"
#include "tests/unit/tree.h"

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER  "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Of nobody: openssl genpkey -algorithm ed25519. */
static const char private_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEIJrMb/daVoMqIcSm+IORtE0rKJsF+zlZAWDQ5AyYK7rB\n"
	"-----END PRIVATE KEY-----\n";
static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
				 "MCowBQYDK2VwAyEAsuLpvtQV+XVScO/H1KDgdGX9JbyWslwz4hF+fONDjNI=\n"
				 "-----END PUBLIC KEY-----\n";

/* RFC 8032, 7.1, test 1: a key of others, as PEM. */
static const char other_key[] = "-----BEGIN PUBLIC KEY-----\n"
				"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
				"-----END PUBLIC KEY-----\n";

static struct error err;

/* A file of one signature on DIGEST. */
static void sign_it(struct signatures *signatures)
{
	*signatures = (struct signatures){ .count = 0 };
	strcpy(signatures->digest, DIGEST);
	put("key", private_key);
	err = (struct error)ERROR_INIT;
	if (signatures_add(signatures, "key", &err) < 0)
		fail_msg("%s", err.cause);
	assert_int_equal(signatures->count, 1);
}

static void signs_once(void **state)
{
	struct signatures signatures, again;
	cleanup_free char *text = NULL;

	(void)state;
	sign_it(&signatures);
	assert_int_equal(signatures_add(&signatures, "key", &err), 0);
	assert_int_equal(signatures.count, 1);
	text = signatures_text(&signatures);
	assert_non_null(text);
	assert_int_equal(strncmp(text, "davit-image-v1 " DIGEST "\n", 87), 0);
	assert_int_equal(strlen(text), 87 + 89);
	assert_int_equal(signatures_parse(&again, text, strlen(text), &err), 0);
	assert_string_equal(again.digest, DIGEST);
	assert_int_equal(again.count, 1);
	assert_memory_equal(again.items[0], signatures.items[0], 64);
	while (signatures.count < SIGN_COUNT_MAX)
		memset(signatures.items[signatures.count++], 0, 64);
	signatures.items[0][0] ^= 1;
	assert_int_equal(signatures_add(&signatures, "key", &err), -1);
	assert_cause(&err, "there are 16 signatures already");
}

static void the_text_and_nothing_else_is_signed(void **state)
{
	unsigned char key[CRYPTO_KEY_BYTES];
	struct signatures signatures;

	(void)state;
	sign_it(&signatures);
	assert_int_equal(crypto_read_public(public_key, strlen(public_key), key, &err), 0);
	assert_true(crypto_is_signed(key, "davit-image-v1 " DIGEST "\n", signatures.items[0]));
	assert_false(crypto_is_signed(key, "davit-image-v1 " DIGEST, signatures.items[0]));
	assert_false(crypto_is_signed(key, DIGEST "\n", signatures.items[0]));
	assert_false(crypto_is_signed(key, "davit-image-v1 " OTHER "\n", signatures.items[0]));
	for (size_t i = 0; i < 64 * 8; i++) {
		signatures.items[0][i / 8] ^= (unsigned char)(1 << i % 8);
		assert_false(
			crypto_is_signed(key, "davit-image-v1 " DIGEST "\n", signatures.items[0]));
		signatures.items[0][i / 8] ^= (unsigned char)(1 << i % 8);
	}
	memset(key, 0, sizeof(key)); /* a point of small order */
	assert_false(crypto_is_signed(key, "davit-image-v1 " DIGEST "\n", signatures.items[0]));
}

static void damaged_files(void **state)
{
	static const char *const damage[] = { "", "davit-image-v1 ", "davit-image-v1 " DIGEST "\n",
					      "davit-image-v2 " DIGEST "\nx\n", "\n\n\n" };
	struct signatures signatures, parsed;
	cleanup_free char *text = NULL;
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(damage); i++) {
		assert_int_equal(signatures_parse(&parsed, damage[i], strlen(damage[i]), &err), -1);
		assert_cause(&err, "it is damaged, or no file of signatures");
	}
	sign_it(&signatures);
	text = signatures_text(&signatures);
	assert_non_null(text);
	len = strlen(text);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(signatures_parse(&parsed, text, cut, &err), -1);
	/* Another form of the same bytes: the last digit has bits that mean nothing. */
	text[len - 4]++;
	assert_int_equal(signatures_parse(&parsed, text, len, &err), -1);
	text[len - 4]--;
	text[20] = 'A'; /* as a digest is not written */
	assert_int_equal(signatures_parse(&parsed, text, len, &err), -1);
	text[20] = 'a';
	text[100] = ' ';
	assert_int_equal(signatures_parse(&parsed, text, len, &err), -1);
}

/* Opens a file as an image whose signatures are looked for. */
static struct image open_image(void)
{
	struct image image = IMAGE_INIT;

	put("image", "");
	image.fd = open("image", O_RDONLY | O_CLOEXEC);
	image.path = strdup("image");
	return image;
}

static int check(const struct image_keys *keys, const char *digest, const char **key)
{
	struct image image = open_image();
	int result;

	err = (struct error)ERROR_INIT;
	result = image_check_signature(&image, digest, keys, key, &err);
	image_done(&image);
	return result;
}

static void who_has_signed(void **state)
{
	char *const both[] = { CHARS("other.pub"), CHARS("key.pub"), NULL };
	char *const other[] = { CHARS("other.pub"), NULL };
	char *const none[] = { NULL };
	struct image_keys keys = { .paths = both };
	struct signatures signatures;
	cleanup_free char *text = NULL;
	const char *key = NULL;

	(void)state;
	put("key.pub", public_key);
	put("other.pub", other_key);
	(void)unlink("image.sig");
	assert_int_equal(check(&keys, DIGEST, &key), -1);
	assert_cause(&err, "image 'image' is not signed");
	assert_remedy(&err, "davit image sign --key KEY.pem image");
	sign_it(&signatures);
	text = signatures_text(&signatures);
	put("image.sig", text);
	assert_int_equal(check(&keys, DIGEST, &key), 0);
	assert_string_equal(key, "key.pub");
	assert_int_equal(check(&keys, DIGEST, NULL), 0);
	assert_int_equal(check(&keys, OTHER, &key), -1);
	assert_cause(&err, "the signature of image 'image' is for " DIGEST ", not for " OTHER);
	keys.paths = other;
	assert_int_equal(check(&keys, DIGEST, &key), -1);
	assert_cause(&err, "nobody who is trusted has signed image 'image'");
	keys.paths = none;
	assert_int_equal(check(&keys, DIGEST, &key), -1);
	assert_cause(&err, "image 'image' has to be signed, but there is no key to check that");
	keys.paths = NULL;
	assert_int_equal(check(&keys, DIGEST, &key), -1);
}

static void keys_of_the_site(void **state)
{
	char *const paths[] = { CHARS("key.pub"), NULL };
	struct image_keys keys = { .paths = paths, .of_site = true };

	(void)state;
	put("key.pub", public_key);
	if (geteuid() == 0) {
		assert_int_equal(chmod("key.pub", 0644), 0);
		assert_int_equal(check(&keys, DIGEST, NULL), 0);
		assert_int_equal(chmod("key.pub", 0664), 0);
		assert_int_equal(check(&keys, DIGEST, NULL), -1);
		assert_cause(&err, "others than root may write to key 'key.pub'");
		assert_int_equal(chmod("key.pub", 0646), 0);
		assert_int_equal(check(&keys, DIGEST, NULL), -1);
		assert_int_equal(chown("key.pub", 1234, 0), 0);
	}
	assert_int_equal(check(&keys, DIGEST, NULL), -1);
	assert_cause(&err, "key 'key.pub' does not belong to root");
	keys.of_site = false;
	assert_int_equal(check(&keys, DIGEST, NULL), 0);
}

static int setup(void **state)
{
	return tree_setup(state) < 0 ? -1 : crypto_open(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_once),
		cmocka_unit_test(the_text_and_nothing_else_is_signed),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(who_has_signed),
		cmocka_unit_test(keys_of_the_site),
	};

	return cmocka_run_group_tests_name("sign", tests, setup, tree_teardown);
}
