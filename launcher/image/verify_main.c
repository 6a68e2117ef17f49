/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verify_main.c - `davit image verify`.
 *
 * All that is in the image is read as the image server would read it: that tells which files are damaged.
 * Where there is a seal or fs-verity, each byte is checked by it on the way, and then those that no file has,
 * from the first to the last. Each block of the seal has hashes of some block of the image, so all of the
 * seal is checked, too. A signature is asked for where a key is given, or the site has some and the image has a file of
 * signatures.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "images/beside.h"
#include "images/check.h"
#include "images/measure.h"
#include "images/read.h"
#include "images/seal.h"
#include "images/sign.h"
#include "launcher/conf/conf.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/opened.h"

#define READ_SIZE  ((size_t)1 << 20)
#define NAMES_TOLD 20 /* of damaged files; the others are counted */

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

static void tell_damaged(const char *path, const char *what, void *data)
{
	size_t *count = data;

	if (++*count > NAMES_TOLD)
		return;
	fputs("damaged: ", stdout);
	print_name(path, true);
	printf(": %s\n", what);
}

static int refuse_damaged(const struct image *image, uint64_t count, struct error *err)
{
	if (image_blame(image, err))
		return -1;
	error_set(err, 0, "image '%s' is damaged: %ju of the files and directories in it",
		  image->path, (uintmax_t)count);
	return error_remedy(err, "copy or make the image again");
}

/* All that is in it. */
static int check_files(const struct image *image, struct error *err)
{
	struct direct direct = { .squash = NULL };
	struct check check = { .files = 0 };
	size_t told = 0;
	int result = direct_open(&direct, image, err);

	if (result == 0 && check_squash(&check, direct.squash, tell_damaged, &told, err) < 0)
		result = image_blame(image, err) ? -1 : error_wrap(err, "image '%s'", image->path);
	direct_close(&direct);
	if (told > NAMES_TOLD)
		printf("damaged: %zu more\n", told - NAMES_TOLD);
	if (result == 0 && check.damaged > 0)
		return refuse_damaged(image, check.damaged, err);
	if (result == 0)
		printf("read: %ju files, %ju directories, %ju others; %ju blocks\n",
		       (uintmax_t)check.files, (uintmax_t)check.directories,
		       (uintmax_t)check.others, (uintmax_t)check.blocks);
	return result;
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

	if (check_files(image, err) < 0)
		return -1;
	if (!image->digest[0]) {
		puts("digest: not checked, there is no seal");
		return 0;
	}
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

/* Whether an image without a seal, which was refused, is to be checked without one. */
static bool may_lack_seal(const struct image *image, const struct image_keys *keys, bool is_asked)
{
	struct stat st;

	if (is_asked || image->digest[0] || fstat(image->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    beside_exists(image->fd, SEAL_SUFFIX))
		return false;
	return !keys->paths || !keys->paths[0] || !beside_exists(image->fd, SIGN_SUFFIX);
}

static int open_image(struct image *image, const char *name, const struct image_keys *keys,
		      bool is_asked, struct error *err)
{
	static const struct image_require require = { .is_measured = true };

	if (image_open_required(image, name, &require, err) == 0)
		return 0;
	if (!may_lack_seal(image, keys, is_asked))
		return -1;
	*err = (struct error)ERROR_INIT;
	image_done(image);
	return image_open(image, name, err);
}

int image_command_verify(const struct image_arguments *arguments, struct error *err)
{
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
		result = open_image(&image, arguments->operands[0], &keys, is_asked, err);
	if (result == 0)
		result = verify(&image, &keys, is_asked, err);
	image_done(&image);
	conf_done(&conf);
	return result;
}
