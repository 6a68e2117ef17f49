/* SPDX-License-Identifier: BSD-3-Clause */
/* test_blocks.c - the cache of decompressed blocks. */
#include "images/blocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "images/content.h"
#include "tests/unit/unit.h"

#define COUNT 4
#define SIZE  ((size_t)4096)

/* What the image would give for a position, and how often it was asked. */
struct image {
	uint64_t position;
	size_t size;
	int error;
	atomic_int fills;
};

static int fill(void *context, void *data, size_t *size)
{
	struct image *image = context;

	assert_int_equal(*size, SIZE);
	atomic_fetch_add(&image->fills, 1);
	if (image->error)
		return image->error;
	memset(data, (int)(image->position & 0xff), image->size);
	*size = image->size;
	return 0;
}

static int make(void **state)
{
	*state = blocks_new(COUNT, SIZE);
	return *state ? 0 : -1;
}

static int unmake(void **state)
{
	blocks_free(*state);
	return 0;
}

/* Gets and puts back the block at `position`. Returns how often the image was asked for it. */
static int touch(struct blocks *blocks, uint64_t position)
{
	struct image image = { .position = position, .size = SIZE };
	const struct block *block;

	assert_int_equal(blocks_get(blocks, position, fill, &image, &block), 0);
	assert_int_equal(block->size, SIZE);
	for (size_t i = 0; i < block->size; i++)
		assert_int_equal((unsigned char)block->data[i], position & 0xff);
	blocks_put(blocks, block);
	return image.fills;
}

/* The cache has room for what all threads hold, wherever their pieces lie. */
static void a_piece_touches_no_more_blocks_than_are_counted(void **state)
{
	(void)state;
	for (size_t size = 4096; size <= 1 << 20; size *= 2) {
		size_t most = 0;

		for (size_t offset = 0; offset < size; offset += 512) {
			size_t touched = (offset + CONTENT_MAX - 1) / size + 1;

			most = touched > most ? touched : most;
		}
		assert_int_equal(content_blocks(size), most);
	}
}

static void free_of_nothing(void **state)
{
	(void)state;
	blocks_free(NULL);
}

static void fills_once(void **state)
{
	assert_int_equal(touch(*state, 0), 1);
	assert_int_equal(touch(*state, 0), 0);
	assert_int_equal(touch(*state, 7), 1);
	assert_int_equal(touch(*state, 0), 0);
}

static void short_blocks_keep_their_size(void **state)
{
	struct image image = { .position = 5, .size = 3 };
	const struct block *block;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(blocks_get(*state, 5, fill, &image, &block), 0);
		assert_int_equal(block->size, 3);
		assert_memory_equal(block->data, "\5\5\5", 3);
		blocks_put(*state, block);
	}
	assert_int_equal(image.fills, 1);
}

static void least_recently_used_goes_first(void **state)
{
	for (uint64_t position = 0; position < COUNT; position++)
		assert_int_equal(touch(*state, position), 1);
	assert_int_equal(touch(*state, 0), 0);
	assert_int_equal(touch(*state, 100), 1);
	assert_int_equal(touch(*state, 0), 0);
	assert_int_equal(touch(*state, 2), 0);
	assert_int_equal(touch(*state, 1), 1);
}

static void held_blocks_stay(void **state)
{
	struct image image = { .position = 1, .size = SIZE };
	const struct block *held[COUNT], *block;

	for (size_t i = 0; i < COUNT; i++) {
		image.position = i;
		assert_int_equal(blocks_get(*state, i, fill, &image, &held[i]), 0);
	}
	assert_int_equal(blocks_get(*state, 50, fill, &image, &block), EBUSY);
	blocks_put(*state, held[2]);
	assert_int_equal(touch(*state, 50), 1);
	for (size_t i = 0; i < COUNT; i++) {
		if (i == 2)
			continue;
		assert_int_equal((unsigned char)held[i]->data[SIZE - 1], i);
		blocks_put(*state, held[i]);
	}
}

static void errors_are_not_kept(void **state)
{
	struct image image = { .position = 9, .size = SIZE, .error = EIO };
	const struct block *block;

	for (int i = 0; i < COUNT * 2; i++)
		assert_int_equal(blocks_get(*state, 9, fill, &image, &block), EIO);
	assert_int_equal(image.fills, COUNT * 2);
	assert_int_equal(touch(*state, 9), 1);
	for (uint64_t position = 20; position < 20 + COUNT; position++)
		assert_int_equal(touch(*state, position), 1);
}

#define THREADS 3
#define ROUNDS  20000

static void *hammer(void *data)
{
	unsigned int seed = 1;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t position = (uint64_t)rand_r(&seed) % (COUNT * 2);
		struct image image = { .position = position, .size = SIZE };
		const struct block *block;

		/* Not cmocka's checks: those are for one thread. */
		if (blocks_get(data, position, fill, &image, &block) != 0)
			return data;
		if (block->size != SIZE || (uint64_t)block->data[0] != position ||
		    (uint64_t)block->data[SIZE - 1] != position)
			return data;
		blocks_put(data, block);
	}
	return NULL;
}

static void several_threads(void **state)
{
	pthread_t threads[THREADS];
	void *wrong;

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, *state), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_piece_touches_no_more_blocks_than_are_counted),
		cmocka_unit_test(free_of_nothing),
		cmocka_unit_test_setup_teardown(fills_once, make, unmake),
		cmocka_unit_test_setup_teardown(short_blocks_keep_their_size, make, unmake),
		cmocka_unit_test_setup_teardown(least_recently_used_goes_first, make, unmake),
		cmocka_unit_test_setup_teardown(held_blocks_stay, make, unmake),
		cmocka_unit_test_setup_teardown(errors_are_not_kept, make, unmake),
		cmocka_unit_test_setup_teardown(several_threads, make, unmake),
	};

	return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
