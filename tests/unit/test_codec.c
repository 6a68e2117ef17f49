/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_codec.c - decompressors without memory for more of them.
 *
 * Stands before two functions of libzstd: there is memory for one decompressor, and who has it does not go
 * on until somebody has asked for a second one.
 */
#include "images/squash.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define PATIENCE 10000 /* ms */

void *ZSTD_createDCtx(void);
size_t ZSTD_decompressDCtx(void *state, void *out, size_t room, const void *in, size_t size);

static atomic_int made, refused;
static atomic_bool is_slow;

void *ZSTD_createDCtx(void)
{
	void *(*create)(void) = (void *(*)(void))dlsym(RTLD_NEXT, "ZSTD_createDCtx");

	if (atomic_fetch_add(&made, 1) == 0)
		return create();
	atomic_fetch_add(&refused, 1);
	return NULL;
}

size_t ZSTD_decompressDCtx(void *state, void *out, size_t room, const void *in, size_t size)
{
	size_t (*run)(void *, void *, size_t, const void *, size_t) =
		(size_t(*)(void *, void *, size_t, const void *,
			   size_t))dlsym(RTLD_NEXT, "ZSTD_decompressDCtx");

	for (int i = 0; i < PATIENCE && atomic_load(&is_slow) && !atomic_load(&refused); i++)
		usleep(1000);
	return run(state, out, room, in, size);
}

struct reader {
	struct squash *squash;
	uint64_t inode;
	struct blocks *blocks;
	int error;
};

/* The first block of a file, past every cache of blocks. */
static void *get(void *data)
{
	struct reader *reader = data;
	struct squash_extent extent;
	const struct block *block;
	size_t count;

	reader->error = squash_locate(reader->squash, reader->inode, 0, 4096, &extent, 1, &count);
	if (!reader->error)
		reader->error = squash_get_block(reader->squash, reader->blocks, &extent, &block);
	if (!reader->error)
		blocks_put(reader->blocks, block);
	return NULL;
}

static bool find_file(const struct squash_entry *entry, void *data)
{
	struct reader *reader = data;
	struct squash_extent extent;
	size_t count = 0;

	if (S_ISREG(entry->type) &&
	    squash_locate(reader->squash, entry->inode, 0, 4096, &extent, 1, &count) == 0 &&
	    count == 1 && !extent.hole)
		reader->inode = entry->inode;
	return reader->inode == 0;
}

static void who_gets_none_waits_for_another_one(void **state)
{
	struct error err = ERROR_INIT;
	int fd = open(TEST_SEEDS "/zstd", O_RDONLY | O_CLOEXEC);
	struct reader readers[2] = { { .squash = squash_open(fd, 0, &err) } };
	pthread_t threads[2];

	(void)state;
	assert_non_null(readers[0].squash);
	assert_int_equal(squash_readdir(readers[0].squash, squash_root(readers[0].squash), 0,
					find_file, &readers[0]),
			 0);
	assert_int_not_equal(readers[0].inode, 0);
	readers[1] = readers[0];
	atomic_store(&is_slow, true);
	for (size_t i = 0; i < 2; i++) {
		readers[i].blocks = blocks_new(2, squash_block_size(readers[i].squash));
		assert_non_null(readers[i].blocks);
		assert_int_equal(pthread_create(&threads[i], NULL, get, &readers[i]), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(readers[i].error, 0);
		blocks_free(readers[i].blocks);
	}
	assert_true(atomic_load(&refused) > 0);
	squash_close(readers[0].squash);
	close(fd);
}

int main(void)
{
#if HAVE_ZSTD
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_gets_none_waits_for_another_one),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
#else
	(void)who_gets_none_waits_for_another_one;
	return 77;
#endif
}
