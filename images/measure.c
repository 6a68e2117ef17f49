/* SPDX-License-Identifier: BSD-3-Clause */
/* measure.c - see measure.h, and image_measure() in image.h. */
#include "images/measure.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/beside.h"
#include "images/crypto.h"
#include "images/seal.h"
#include "images/verity.h"

bool image_requires(const struct image_require *require)
{
	return require && (require->is_measured || require->digest || require->is_signed);
}

static int refuse_directory(const struct image *image, struct error *err)
{
	error_set(err, 0, "image '%s' is a directory, which has no digest", image->path);
	return error_remedy(err, "mksquashfs %s NEW.sqfs, and davit image seal NEW.sqfs",
			    image->path);
}

/* Reads the header of the seal. Returns 0, or -1 with `err` set. */
static int find_seal(const struct image *image, struct seal *seal, struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	struct stat st;

	if (fstat(image->fd, &st) < 0)
		return error_set(err, errno, "cannot stat image '%s'", image->path);
	if (S_ISDIR(st.st_mode))
		return refuse_directory(image, err);
	if (crypto_open(err) < 0)
		return -1;
	path = beside_path(image->fd, SEAL_SUFFIX, err);
	if (!path)
		return error_wrap(err, "image '%s'", image->path);
	fd = beside_open(path, err);
	if (fd < 0 && err->errnum == ENOENT) {
		error_set(err, 0,
			  "the digest of image '%s' cannot be checked: its file system has no "
			  "fs-verity for it, and it has no seal",
			  image->path);
		return error_remedy(err, "davit image seal %s", image->path);
	}
	if (fd < 0)
		return error_wrap(err, "the seal of image '%s'", image->path);
	if (seal_read(seal, fd, (uint64_t)st.st_size, err) < 0)
		return error_wrap(err, "seal '%s'", path);
	(void)steal_fd(&fd);
	return 0;
}

int image_measure(const struct image *image, char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	struct seal seal = { .fd = -1 };

	if (image->digest[0]) {
		strcpy(digest, image->digest);
		return 0;
	}
	if (digest_of_kernel(image->fd, digest))
		return 0;
	if (find_seal(image, &seal, err) < 0)
		return -1;
	strcpy(digest, seal.digest);
	close(seal.fd);
	return 0;
}

static int compare(struct image *image, const struct image_require *require, struct error *err)
{
	if (require->digest && strcmp(require->digest, image->digest) != 0) {
		error_set(err, 0, "image '%s' has digest %s, not %s", image->path, image->digest,
			  require->digest);
		return error_remedy(
			err,
			"the image that was asked for; or its digest, if this is the right one");
	}
	if (!require->is_signed)
		return 0;
	return image_check_signature(image, image->digest, &require->keys, &image->key, err);
}

int image_prove(struct image *image, const struct image_require *require, struct error *err)
{
	struct seal seal = { .fd = -1 };
	bool by_kernel = digest_of_kernel(image->fd, image->digest);

	if (!by_kernel) {
		if (find_seal(image, &seal, err) < 0)
			return -1;
		strcpy(image->digest, seal.digest);
	}
	if (compare(image, require, err) == 0 &&
	    (by_kernel || (image->verity = verity_new(image->fd, &seal, err))))
		return 0;
	if (seal.fd >= 0)
		close(seal.fd);
	return -1;
}

bool image_blame(const struct image *image, struct error *err)
{
	char what[64];

	if (!verity_is_broken(image->verity))
		return false;
	verity_describe(image->verity, what, sizeof(what));
	error_set(err, 0, "image '%s' is not what its digest says: %s", image->path, what);
	error_remedy(err, "copy or make the image again, with its seal");
	return true;
}
