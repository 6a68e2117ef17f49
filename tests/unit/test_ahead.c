/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ahead.c - what is decompressed before anybody asks for it: a file of a block and a tail. */
#include "images/ahead.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "images/stats.h"
#include "tests/unit/unit.h"

#define BLOCK    4096
#define PATIENCE 10 /* seconds until something that does not come is a failure */

static struct squash *squash;
static struct blocks *blocks;
static struct ahead *ahead;
static struct stats stats;
static uint64_t file;

/* Blocks that were decompressed. */
static uint64_t fetched(void)
{
	uint64_t values[STAT_COUNT];

	stats_sum(&stats, values);
	return values[STAT_MISSES];
}

static void await_fetched(uint64_t count)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < PATIENCE * 1000 && fetched() < count; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(fetched(), count);
}

static int open_image(void **state)
{
	struct error err = ERROR_INIT;
	int fd = open(TEST_SEEDS "/raw", O_RDONLY | O_CLOEXEC);

	stats_use(&stats);
	squash = fd < 0 ? NULL : squash_open(fd, 0, &err);
	blocks = blocks_new(16, BLOCK);
	if (!squash || !blocks || squash_lookup(squash, squash_root(squash), "blocks", &file))
		return -1;
	ahead = ahead_new(squash, blocks, 2);
	*state = (void *)(intptr_t)fd;
	return ahead ? 0 : -1;
}

static int close_image(void **state)
{
	ahead_free(ahead);
	blocks_free(blocks);
	squash_close(squash);
	close((int)(intptr_t)*state);
	return 0;
}

static void read_piece(off_t offset, size_t size, uint32_t fragment)
{
	ahead_begin(ahead, file, offset, size, fragment);
	ahead_end(ahead);
}

/* Waits for whatever is being done. */
static void finish(void)
{
	ahead_free(ahead);
	ahead = NULL;
}

static void free_of_nothing(void **state)
{
	(void)state;
	ahead_free(NULL);
	ahead_begin(NULL, 1, 0, 1, SQUASH_NO_FRAGMENT);
	ahead_end(NULL);
}

static void who_reads_on_gets_what_follows(void **state)
{
	(void)state;
	read_piece(0, 100, SQUASH_NO_FRAGMENT);
	read_piece(100, 100, SQUASH_NO_FRAGMENT);
	await_fetched(2);
	read_piece(200, 100, SQUASH_NO_FRAGMENT);
	finish();
	assert_int_equal(fetched(), 2);
}

static void who_reads_here_and_there_gets_nothing(void **state)
{
	(void)state;
	read_piece(0, 100, SQUASH_NO_FRAGMENT);
	read_piece(2000, 100, SQUASH_NO_FRAGMENT);
	read_piece(500, 100, SQUASH_NO_FRAGMENT);
	finish();
	assert_int_equal(fetched(), 0);
}

static void nothing_while_all_cpus_have_to_do(void **state)
{
	(void)state;
	read_piece(0, 100, SQUASH_NO_FRAGMENT);
	ahead_begin(ahead, file, 3000, 1, SQUASH_NO_FRAGMENT);
	ahead_begin(ahead, file, 3001, 1, SQUASH_NO_FRAGMENT);
	finish();
	assert_int_equal(fetched(), 0);
}

/* None of them is in the image: no harm. */
static void what_does_not_exist(void **state)
{
	(void)state;
	read_piece(0, 1, 7);
	read_piece(0, 1, 8);
	read_piece(0, 1, UINT32_MAX - 1);
	file = UINT64_MAX;
	read_piece(INT64_MAX - 20, 10, SQUASH_NO_FRAGMENT);
	read_piece(INT64_MAX - 10, 10, SQUASH_NO_FRAGMENT);
	finish();
	assert_int_equal(fetched(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_of_nothing),
		cmocka_unit_test_setup_teardown(who_reads_on_gets_what_follows, open_image,
						close_image),
		cmocka_unit_test_setup_teardown(who_reads_here_and_there_gets_nothing, open_image,
						close_image),
		cmocka_unit_test_setup_teardown(nothing_while_all_cpus_have_to_do, open_image,
						close_image),
		cmocka_unit_test_setup_teardown(what_does_not_exist, open_image, close_image),
	};

	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
