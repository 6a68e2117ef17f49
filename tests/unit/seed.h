/* SPDX-License-Identifier: BSD-3-Clause */
/* seed.h - the fuzzer's first images (tests/fuzz/seeds/squashfs), held in memory, where a test may change them. */
#ifndef DAVIT_TESTS_SEED_H
#define DAVIT_TESTS_SEED_H

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

#define SEED_MAX 65536

static struct {
	uint8_t bytes[SEED_MAX];
	size_t size;
} seed;

static inline void seed_load(const char *name)
{
	char path[4096];
	cleanup_close int file = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", TEST_SEEDS, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(file >= 0);
	n = read(file, seed.bytes, sizeof(seed.bytes));
	assert_true(n > 96 && n < SEED_MAX);
	seed.size = (size_t)n;
}

/* A file without a name that has these bytes; the caller closes it. */
static inline int seed_file(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, seed.bytes, seed.size), seed.size);
	return fd;
}

/* The lowest `width` bytes of a number. */
static inline void seed_put(size_t at, uint64_t value, size_t width)
{
	value = htole64(value);
	assert_true(at + width <= seed.size);
	memcpy(seed.bytes + at, &value, width);
}

static inline uint64_t seed_get(size_t at)
{
	uint64_t value;

	assert_true(at + sizeof(value) <= seed.size);
	memcpy(&value, seed.bytes + at, sizeof(value));
	return le64toh(value);
}

/* Of the superblock. */
enum {
	AT_INODES = 4,
	AT_BLOCK_SIZE = 12,
	AT_FRAGMENTS = 16,
	AT_BLOCK_LOG = 22,
	AT_IDS = 26,
	AT_ROOT = 32,
	AT_USED = 40,
	AT_ID_TABLE = 48,
	AT_XATTR_TABLE = 56,
	AT_INODE_TABLE = 64,
	AT_DIRECTORY_TABLE = 72,
	AT_FRAGMENT_TABLE = 80,
	AT_LOOKUP_TABLE = 88
};

/* Where `text` is, between the beginnings of two tables. */
static inline size_t seed_locate(const char *text, size_t from, size_t to)
{
	for (size_t at = from; at + strlen(text) <= to; at++)
		if (memcmp(seed.bytes + at, text, strlen(text)) == 0)
			return at;
	fail_msg("no %s", text);
	return 0;
}

/* Where the directory's entry of that name is. */
static inline size_t seed_entry(const char *name)
{
	return seed_locate(name, seed_get(AT_DIRECTORY_TABLE), seed.size) - 8;
}

#endif
