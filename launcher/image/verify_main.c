/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verify_main.c - `davit image verify`.
 *
 * The image is read in the same way in which the image server reads it, from the first byte to the
 * last. Each block of the seal has hashes of some block of the image, so all of the seal is checked,
 * too. A signature is asked for where a key is given, or the site has some and the image has a file of
 * signatures.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "images/measure.h"
#include "images/read.h"
#include "images/sign.h"
#include "launcher/conf/conf.h"
#include "launcher/image/image_commands.h"

#define READ_SIZE ((size_t)1 << 20)

static int read_all(const struct image *image, struct error *err)
{
	cleanup_free char *buf = malloc(READ_SIZE);
	off_t at = 0;
	ssize_t n;

	if (!buf)
		return error_set(err, ENOMEM, "cannot read image '%s'", image->path);
	while ((n = image_read(image->fd, buf, READ_SIZE, at)) > 0)
		at += n;
	if (n == 0)
		return 0;
	error_set(err, errno, "cannot read image '%s' at byte %jd", image->path, (intmax_t)at);
	(void)image_blame(image, err);
	return -1;
}

static int check_signature(const struct image *image, const struct image_keys *keys,
			   struct error *err)
{
	const char *key = NULL;

	if (image_check_signature(image, image->digest, keys, &key, err) < 0)
		return -1;
	printf("signed: %s\n", key);
	return 0;
}

/* Returns 1 where there is a file of signatures, 0 where there is none, -1 with `err` set. */
static int has_signatures(const struct image *image, struct error *err)
{
	struct signatures signatures;

	if (signatures_read(&signatures, image->fd, err) == 0)
		return 1;
	if (err->errnum != ENOENT)
		return -1;
	*err = (struct error)ERROR_INIT;
	return 0;
}

static int verify(const struct image *image, const struct image_keys *keys, bool is_asked,
		  struct error *err)
{
	int signatures;

	if (read_all(image, err) < 0)
		return -1;
	printf("digest: %s\n", image->digest);
	if (is_asked)
		return check_signature(image, keys, err);
	signatures = has_signatures(image, err);
	if (signatures < 0)
		return error_wrap(err, "image '%s'", image->path);
	if (signatures && keys->paths && keys->paths[0])
		return check_signature(image, keys, err);
	puts(signatures ? "signed: not checked, no key is given" : "signed: no");
	return 0;
}

int image_command_verify(const struct image_arguments *arguments, struct error *err)
{
	const struct image_require require = { .is_measured = true };
	cleanup_free char **given = arguments_values(arguments, "key");
	struct conf conf = { .state_dir = NULL };
	struct image image = IMAGE_INIT;
	struct image_keys keys = { .paths = given };
	bool is_asked = given && given[0];
	int result;

	if (!given)
		return error_set(err, ENOMEM, "cannot keep the keys");
	result = conf_load(&conf, err);
	if (!is_asked)
		keys = (struct image_keys){ .paths = conf.image_keys, .of_site = true };
	if (result == 0)
		result = image_open_required(&image, arguments->operands[0], &require, err);
	if (result == 0)
		result = verify(&image, &keys, is_asked, err);
	image_done(&image);
	conf_done(&conf);
	return result;
}
