/* SPDX-License-Identifier: BSD-3-Clause */
/* image.h - opening an image and telling what it is, by its content and never by its name. */
#ifndef DAVIT_IMAGE_H
#define DAVIT_IMAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/digest.h"
#include "common/error.h"

struct verity;

enum image_kind {
	IMAGE_SQUASHFS, /* a squashfs in a file, alone or in a SIF */
	IMAGE_DIRECTORY,
};

struct image {
	enum image_kind kind;
	int fd;              /* the file, or the root directory; read-only, -1 when not open */
	off_t offset;        /* where the squashfs begins in the file, in bytes */
	char *path;          /* absolute, for messages: of a bundle, not of the root in it */
	char *bundle_config; /* the text of an OCI bundle's config.json, otherwise NULL */
	char digest[DIGEST_TEXT_SIZE]; /* what it was found to have, "" where nobody asked */
	const char *key; /* of image_require.keys: the one whose signature was found, or NULL */
	struct verity
		*verity; /* checks each read against `digest`; NULL: the kernel does, or nobody */
};

/* Public keys, in files. */
struct image_keys {
	char *const *paths; /* of PEM files with one Ed25519 key each; ends with NULL; NULL: none */
	bool of_site;       /* they have to be root's alone, see davit.conf(5) */
};

/* What an image has to prove before a byte of it is believed. All of it asks for a digest that can be
 * checked, which a directory has not: the file has fs-verity, or a seal beside it (seal.h). */
struct image_require {
	bool is_measured;   /* no more than that */
	const char *digest; /* and it is this one, in the form of digest.h; or NULL */
	bool is_signed;     /* and one of `keys` has signed it */
	struct image_keys keys;
};

#define IMAGE_INIT       \
	{                \
		.fd = -1 \
	}

/* Opens the image `name`, a path, as the calling user. It is one of
 *	a file that holds a whole squashfs 4.0 whose compression this build can read,
 *	a SIF with such a squashfs as its primary system partition,
 *	a directory that is a root and not empty,
 *	an OCI bundle: a directory whose config.json has root.path. A relative root.path may not lead
 *	out of the bundle, not by symbolic links either.
 * A leading "~" or "~/" is $HOME; all else in the name is taken as it is. Relative paths start at
 * the working directory. Returns 0, or -1 with `err` naming the reason and a remedy. Never blocks
 * on a FIFO or a device. */
int image_open(struct image *image, const char *name, struct error *err);

/* The same for one that has to prove something. `require` may be NULL or all zero; then a seal that is
 * there is not even looked at. Otherwise what is not as required is refused, and a byte that is changed
 * later gives EIO to who reads it. `require` must live as long as `image`. */
int image_open_required(struct image *image, const char *name, const struct image_require *require,
			struct error *err);

/* Tells the digest of an open image without reading all of it: the kernel's where the file has
 * fs-verity, else that of its seal; what the seal says is true only of bytes that are read by an image
 * that was opened with image_require. Returns 0, or -1 with `err` set where there is neither. */
int image_measure(const struct image *image, char digest[DIGEST_TEXT_SIZE], struct error *err);

/* Looks for a signature on `digest` in the file beside the image (sign.h) that one of `keys` has made.
 * Returns 0, with the path of that key in *key unless `key` is NULL, or -1 with `err` set: none is
 * there, none is good, or a key cannot be used. */
int image_check_signature(const struct image *image, const char *digest,
			  const struct image_keys *keys, const char **key, struct error *err);

void image_done(struct image *image);

#endif
