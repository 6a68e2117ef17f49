/* SPDX-License-Identifier: BSD-3-Clause */
/* seal_main.c - `davit image seal` and `davit image digest`. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/newfile.h"
#include "images/beside.h"
#include "images/seal.h"
#include "launcher/image/image_commands.h"

int image_wrap(const struct image *image, struct error *err)
{
	return error_wrap(err, "image '%s'", image->path);
}

int image_open_file(struct image *image, const char *path, struct error *err)
{
	if (image_open(image, path, err) < 0)
		return -1;
	if (image->kind == IMAGE_SQUASHFS)
		return 0;
	error_set(err, 0, "image '%s' is a directory, which has no digest", image->path);
	return error_remedy(err, "mksquashfs %s NEW.sqfs", image->path);
}

/* Writes the seal beside the image; who may read the image may read it. */
static int write_seal(const struct image *image, char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	cleanup_free char *path = beside_path(image->fd, SEAL_SUFFIX, err);
	struct newfile file = NEWFILE_INIT;
	struct stat st;
	int result = -1;

	if (!path)
		return -1;
	if (fstat(image->fd, &st) < 0)
		return error_set(err, errno, "cannot look at it");
	if (newfile_open(&file, path, 0600, err) == 0 &&
	    seal_write(image->fd, file.fd, digest, err) == 0) {
		if (fchmod(file.fd, st.st_mode & 0644) < 0)
			error_set(err, errno, "cannot write '%s'", path);
		else
			result = newfile_name(&file, err);
	}
	newfile_done(&file);
	return result;
}

int image_command_seal(const struct image_arguments *arguments, struct error *err)
{
	struct image image = IMAGE_INIT;
	char digest[DIGEST_TEXT_SIZE];
	int result = image_open_file(&image, arguments->operands[0], err);

	if (result == 0 && write_seal(&image, digest, err) < 0)
		result = error_wrap(err, "cannot seal image '%s'", image.path);
	if (result == 0)
		puts(digest);
	image_done(&image);
	return result;
}

int image_command_digest(const struct image_arguments *arguments, struct error *err)
{
	struct image image = IMAGE_INIT;
	char digest[DIGEST_TEXT_SIZE];
	int result = image_open_file(&image, arguments->operands[0], err);

	/* What a seal says may be wrong: the kernel knows it, or the bytes do. */
	if (result == 0 && !digest_of_kernel(image.fd, digest) &&
	    seal_compute(image.fd, digest, err) < 0)
		result = image_wrap(&image, err);
	if (result == 0)
		puts(digest);
	image_done(&image);
	return result;
}
