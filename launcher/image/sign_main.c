/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sign_main.c - `davit image sign`.
 *
 * What is signed is what the bytes are now, not what a seal says. Signatures of others on the same
 * digest are kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/newfile.h"
#include "images/beside.h"
#include "images/crypto.h"
#include "images/seal.h"
#include "images/sign.h"
#include "launcher/image/image_commands.h"

static int write_text(const struct image *image, const char *path, const char *text,
		      struct error *err)
{
	struct newfile file = NEWFILE_INIT;
	struct stat st;
	int result = -1;

	if (newfile_open(&file, path, 0600, err) == 0) {
		if (fstat(image->fd, &st) < 0 || fd_write_all(file.fd, text, strlen(text)) < 0 ||
		    fchmod(file.fd, st.st_mode & 0644) < 0)
			error_set(err, errno, "cannot write '%s'", path);
		else
			result = newfile_name(&file, err);
	}
	newfile_done(&file);
	return result;
}

/* Starts from the signatures that are there, where they are for the same digest. */
static int collect(const struct image *image, struct signatures *signatures, struct error *err)
{
	struct signatures old = { .count = 0 };
	char digest[DIGEST_TEXT_SIZE];

	if (crypto_open(err) < 0 ||
	    (!digest_of_kernel(image->fd, digest) && seal_compute(image->fd, digest, err) < 0))
		return -1;
	if (signatures_read(&old, image->fd, err) < 0 && err->errnum != ENOENT)
		return -1;
	*err = (struct error)ERROR_INIT;
	if (strcmp(old.digest, digest) == 0)
		*signatures = old;
	strcpy(signatures->digest, digest);
	return 0;
}

static int sign(const struct image *image, char *const *keys, struct error *err)
{
	struct signatures signatures = { .count = 0 };
	cleanup_free char *path = NULL, *text = NULL;

	if (collect(image, &signatures, err) < 0)
		return -1;
	for (; *keys; keys++)
		if (signatures_add(&signatures, *keys, err) < 0)
			return -1;
	text = signatures_text(&signatures);
	if (!text)
		return error_set(err, ENOMEM, "cannot write the signatures");
	/* Not before all has been read: the image may have moved meanwhile. */
	path = beside_path(image->fd, SIGN_SUFFIX, err);
	if (!path)
		return -1;
	if (write_text(image, path, text, err) < 0)
		return -1;
	printf("%s\n", signatures.digest);
	return 0;
}

int image_command_sign(const struct image_arguments *arguments, struct error *err)
{
	cleanup_free char **keys = arguments_values(arguments, "key");
	struct image image = IMAGE_INIT;
	int result;

	if (!keys)
		return error_set(err, ENOMEM, "cannot keep the keys");
	if (!keys[0]) {
		error_set(err, 0, "no key given");
		return arguments_usage(arguments, err);
	}
	result = image_open_file(&image, arguments->operands[0], err);
	if (result == 0 && sign(&image, keys, err) < 0)
		result = error_wrap(err, "cannot sign image '%s'", image.path);
	image_done(&image);
	return result;
}
