/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_verity.c - any bytes as the seal of an image, and changes to both.
 *
 * The first byte of an input says what the others are: with 0 the seal itself, else changes to the true
 * seal and to the image, of 4 bytes each: which byte of the two, and what to change it by. Each change
 * is made before a read of some bytes, so while the image is being used. Whatever they are: a seal that
 * is taken for the true one gives the bytes that were sealed, or an error.
 */
/* link: images/crypto.c images/merkle.c images/read.c images/stats.c images/seal.c images/verity.c common/digest.c common/error.c common/fd.c -DVERITY_PLACES=8 -lpthread -ldl */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "images/crypto.h"
#include "images/read.h"
#include "images/seal.h"
#include "images/verity.h"

/* Two levels. */
#define IMAGE_SIZE (130 * 4096 + 77)
#define SEAL_SIZE  (SEAL_HEADER + 3 * 4096)

static struct {
	int image, seal;
	uint8_t image_bytes[IMAGE_SIZE], seal_bytes[SEAL_SIZE];
	char digest[DIGEST_TEXT_SIZE];
	bool is_changed; /* the image */
} truth;

static void begin(void)
{
	struct error err = ERROR_INIT;

	assert(crypto_open(&err) == 0);
	truth.image = memfd_create("image", MFD_CLOEXEC);
	truth.seal = memfd_create("seal", MFD_CLOEXEC);
	for (size_t i = 0; i < IMAGE_SIZE; i++)
		truth.image_bytes[i] = (uint8_t)(i * 31 + (i >> 12) * 7);
	assert(pwrite(truth.image, truth.image_bytes, IMAGE_SIZE, 0) == IMAGE_SIZE);
	assert(seal_write(truth.image, truth.seal, truth.digest, &err) == 0);
	assert(pread(truth.seal, truth.seal_bytes, SEAL_SIZE, 0) == SEAL_SIZE);
}

static void restore(void)
{
	if (truth.is_changed) {
		assert(pwrite(truth.image, truth.image_bytes, IMAGE_SIZE, 0) == IMAGE_SIZE);
		truth.is_changed = false;
	}
	assert(ftruncate(truth.seal, 0) == 0);
	assert(pwrite(truth.seal, truth.seal_bytes, SEAL_SIZE, 0) == SEAL_SIZE);
}

static uint32_t place_of(const uint8_t *change)
{
	return ((uint32_t)change[0] << 16 | (uint32_t)change[1] << 8 | change[2]) %
	       (SEAL_SIZE + IMAGE_SIZE);
}

static void apply(const uint8_t *change)
{
	uint32_t place = place_of(change);
	int fd = place < SEAL_SIZE ? truth.seal : truth.image;
	off_t at = place < SEAL_SIZE ? place : place - SEAL_SIZE;
	uint8_t byte;

	truth.is_changed |= fd == truth.image;
	if (change[3] == 0xff) { /* shorter */
		assert(ftruncate(fd, at) == 0);
	} else if (pread(fd, &byte, 1, at) == 1) {
		byte ^= change[3];
		assert(pwrite(fd, &byte, 1, at) == 1);
	}
}

static void read_some(bool is_true, size_t at, size_t len)
{
	static uint8_t buf[IMAGE_SIZE + 1];
	ssize_t n;

	errno = 0;
	n = image_read(truth.image, buf, len, (off_t)at);
	assert(n >= 0 || errno == EIO);
	if (n < 0 || !is_true)
		return;
	assert((size_t)n == (at + len <= IMAGE_SIZE ? len : IMAGE_SIZE - at));
	assert(memcmp(buf, truth.image_bytes + at, (size_t)n) == 0);
}

static void use(const struct seal *seal, const uint8_t *data, size_t size)
{
	bool is_true = strcmp(seal->digest, truth.digest) == 0;
	struct error err = ERROR_INIT;
	struct verity *verity = verity_new(truth.image, seal, &err);
	char text[64];

	assert(verity);
	for (size_t i = 0; i + 4 <= size; i += 4) {
		apply(data + i);
		read_some(is_true, place_of(data + i) % IMAGE_SIZE, data[i + 3] * 97u);
	}
	read_some(is_true, size > 2 ? place_of(data) % IMAGE_SIZE : 0, 3 * 4096);
	if (verity_is_broken(verity))
		verity_describe(verity, text, sizeof(text));
	verity_free(verity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct seal seal = { .fd = -1 };
	bool is_whole = size > 0 && data[0] == 0;
	size_t before = 0;
	int fd, result;

	if (size == 0)
		return 0;
	if (!truth.digest[0])
		begin();
	restore();
	data++, size--;
	if (is_whole) {
		assert(ftruncate(truth.seal, 0) == 0 &&
		       pwrite(truth.seal, data, size, 0) == (ssize_t)size);
	} else if (data[-1] & 1) { /* some changes before the header is read */
		before = size / 8 * 4;
		for (size_t i = 0; i < before; i += 4)
			apply(data + i);
	}
	fd = dup(truth.seal);
	result = seal_read(&seal, fd, IMAGE_SIZE, &err);
	fuzz_check_error(result, &err);
	if (result == 0)
		use(&seal, data + before, is_whole ? 0 : size - before);
	else
		close(fd);
	return 0;
}
