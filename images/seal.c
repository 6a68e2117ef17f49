/* SPDX-License-Identifier: BSD-3-Clause */
/* seal.c - see seal.h. */
#include "images/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/crypto.h"

struct header {
	char magic[16];
	unsigned char version[48]; /* the first byte; then zeros */
	unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE];
	unsigned char zeros[SEAL_HEADER - 64 - MERKLE_DESCRIPTOR_SIZE];
};

_Static_assert(sizeof(struct header) == SEAL_HEADER, "as in the file");

static const char magic[16] = "davitseal";

static int refuse(struct error *err, const char *what)
{
	error_set(err, 0, "%s", what);
	return error_remedy(err,
			    "davit image seal makes it anew, where the image is the right one");
}

static bool is_zero(const unsigned char *bytes, size_t len)
{
	while (len > 0 && bytes[len - 1] == 0)
		len--;
	return len == 0;
}

static int check_header(const struct header *header, struct error *err)
{
	if (memcmp(header->magic, magic, sizeof(magic)) != 0)
		return refuse(err, "it is not a seal");
	if (header->version[0] != 1)
		return refuse(err, "it is of a version that this Davit does not know");
	if (!is_zero(header->version + 1, sizeof(header->version) - 1) ||
	    !is_zero(header->zeros, sizeof(header->zeros)))
		return refuse(err, "its header is damaged");
	return 0;
}

/* Fills `digest` from what a descriptor says. */
static int find_digest(const unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE],
		       char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	return crypto_digest(descriptor, MERKLE_DESCRIPTOR_SIZE, digest) < 0
		       ? error_set(err, ENOMEM, "cannot make hashes")
		       : 0;
}

int seal_read(struct seal *seal, int fd, uint64_t size, struct error *err)
{
	struct header header;
	uint64_t sealed = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot look at it");
	if (!S_ISREG(st.st_mode))
		return refuse(err, "it is not a regular file");
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return refuse(err, "it is truncated");
	if (check_header(&header, err) < 0)
		return -1;
	if (!merkle_read_descriptor(header.descriptor, &sealed, seal->root))
		return refuse(err, "its header is damaged");
	if (sealed != size) {
		error_set(err, 0,
			  "it is the seal of a file of %" PRIu64
			  " bytes, and the image has %" PRIu64,
			  sealed, size);
		return error_remedy(err, "copy the image and its seal again");
	}
	seal->tree = merkle_shape(size);
	if ((uint64_t)st.st_size != SEAL_HEADER + seal->tree.blocks * MERKLE_BLOCK)
		return refuse(err, "it has not the length that it should have");
	if (find_digest(header.descriptor, seal->digest, err) < 0)
		return -1;
	seal->fd = fd;
	return 0;
}

static bool is_changed(const struct stat *before, const struct stat *after)
{
	return before->st_size != after->st_size ||
	       before->st_mtim.tv_sec != after->st_mtim.tv_sec ||
	       before->st_mtim.tv_nsec != after->st_mtim.tv_nsec;
}

/* Reads the file and writes its tree to `out`, -1 for nowhere. */
static int build(int fd, int out, unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE],
		 struct error *err)
{
	unsigned char root[DIGEST_BYTES];
	struct stat before, after;
	struct merkle tree;

	if (crypto_open(err) < 0)
		return -1;
	if (fstat(fd, &before) < 0)
		return error_set(err, errno, "cannot look at it");
	tree = merkle_shape((uint64_t)before.st_size);
	if (merkle_build(&tree, fd, out, SEAL_HEADER, root, err) < 0)
		return -1;
	if (fstat(fd, &after) < 0 || is_changed(&before, &after)) {
		error_set(err, 0, "it changed while it was read");
		return error_remedy(err, "wait until it is whole, and try again");
	}
	merkle_describe(tree.size, root, descriptor);
	return 0;
}

int seal_write(int fd, int out, char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	struct header header = { .version = { 1 } };

	memcpy(header.magic, magic, sizeof(magic));
	if (build(fd, out, header.descriptor, err) < 0 ||
	    find_digest(header.descriptor, digest, err) < 0)
		return -1;
	if (pwrite(out, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return error_set(err, errno, "cannot write the seal");
	return 0;
}

int seal_compute(int fd, char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	unsigned char descriptor[MERKLE_DESCRIPTOR_SIZE];

	return build(fd, -1, descriptor, err) < 0 ? -1 : find_digest(descriptor, digest, err);
}
