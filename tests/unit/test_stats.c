/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stats.c - what an image server counts: adding up, whatever is in that memory, and showing it. */
#include "images/stats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define THREADS 20 /* more than there are lanes */
#define ROUNDS  10000

static struct stats stats;

static void *work(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		stats_add(STAT_READS, 1);
		stats_add(STAT_READ, 4096);
	}
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	uint64_t values[STAT_COUNT];
	pthread_t threads[THREADS];

	(void)state;
	memset(&stats, 0xff, sizeof(stats));
	stats_use(&stats);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	stats_sum(&stats, values);
	assert_int_equal(values[STAT_READS], THREADS * ROUNDS);
	assert_int_equal(values[STAT_READ], (uint64_t)THREADS * ROUNDS * 4096);
	assert_int_equal(values[STAT_LOOKUPS], 0);
	assert_int_equal(stats_requests(values), THREADS * ROUNDS);
}

static void goes_where_it_is_told(void **state)
{
	static struct stats other;
	uint64_t values[STAT_COUNT];

	(void)state;
	stats_use(&stats);
	stats_add(STAT_HITS, 1);
	stats_use(&other);
	stats_add(STAT_HITS, 2);
	stats_use(NULL);
	stats_add(STAT_HITS, 4);
	stats_sum(&stats, values);
	assert_int_equal(values[STAT_HITS], 1);
	stats_sum(&other, values);
	assert_int_equal(values[STAT_HITS], 2);
}

static void any_number_is_harmless(void **state)
{
	static const uint64_t hostile[] = { UINT64_MAX, INT64_MAX, (uint64_t)1 << 63, 1 };
	uint64_t values[STAT_COUNT];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(hostile); i++) {
		for (size_t lane = 0; lane < STATS_LANES; lane++)
			for (size_t j = 0; j < STATS_LANE_SIZE; j++)
				stats.lanes[lane][j] = hostile[(i + lane) % COUNT_OF(hostile)];
		stats_sum(&stats, values);
		for (size_t j = 0; j < STAT_COUNT; j++)
			assert_true(values[j] == STATS_MAX);
		assert_true(stats_requests(values) == STATS_MAX);
	}
	for (unsigned int line = 0; line < STATS_LINES; line++) {
		char text[STATS_LINE_SIZE];

		assert_ptr_equal(stats_line(values, line, text), text);
		assert_true(strlen(text) < STATS_LINE_SIZE - 1);
		assert_non_null(strstr(text, line == 0 ? "8.0 EiB" : "9223372036854775807"));
	}
}

static const struct {
	enum statistic which;
	uint64_t value;
	const char *plain, *words;
} shown[] = {
	{ STAT_MOUNT, 0, "0.000", "0.0 ms" },
	{ STAT_MOUNT, 49, "0.049", "0.0 ms" },
	{ STAT_MOUNT, 3140, "3.140", "3.1 ms" },
	{ STAT_MOUNT, 61234567, "61234.567", "61234.6 ms" },
	{ STAT_READ, 0, "0", "0 bytes" },
	{ STAT_READ, 1023, "1023", "1023 bytes" },
	{ STAT_READ, 1024, "1024", "1.0 KiB" },
	{ STAT_READ, 1536, "1536", "1.5 KiB" },
	{ STAT_READ, 1048575, "1048575", "1.0 MiB" },
	{ STAT_READ, 1048524, "1048524", "1023.9 KiB" },
	{ STAT_READ, (uint64_t)5 << 40, "5497558138880", "5.0 TiB" },
	{ STAT_READ, STATS_MAX, "9223372036854775807", "8.0 EiB" },
	{ STAT_HITS, 1234567, "1234567", "1234567" },
	{ STAT_MOUNT, STATS_MAX, "9223372036854775.807", "9223372036854776.0 ms" },
};

static void one_value(void **state)
{
	char text[STATS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(shown); i++) {
		assert_string_equal(stats_plain(shown[i].which, shown[i].value, text),
				    shown[i].plain);
		assert_string_equal(stats_words(shown[i].which, shown[i].value, text),
				    shown[i].words);
	}
}

static void all_values(void **state)
{
	char text[STATS_LINE_SIZE];
	uint64_t values[STAT_COUNT];

	(void)state;
	for (size_t i = 0; i < STAT_COUNT; i++)
		values[i] = 1000 + i;
	assert_string_equal(stats_line(values, 0, text),
			    "mounted in 1.0 ms, read by ranks 1001 bytes, decompressed 1002 bytes, "
			    "read from the image's file 1003 bytes");
	assert_string_equal(stats_line(values, 1, text),
			    "cache hits 1004, misses 1005, requests by io_uring 1006");
	values[STAT_RINGS] = 0;
	assert_string_equal(stats_line(values, 1, text), "cache hits 1004, misses 1005");
	assert_string_equal(stats_line(values, 2, text),
			    "requests 8084: names 1007, attributes 1008, symbolic links 1009, "
			    "opens 1010, reads 1011, listings 1012, extended attributes 1013, "
			    "others 1014");
}

/* Keys become words of a line and of JSON, titles columns. */
static void names_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < STAT_COUNT; i++) {
		const struct statistic_def *def = &stats_table[i];

		assert_non_null(def->key);
		assert_int_equal(def->key[strspn(def->key, "abcdefghijklmnopqrstuvwxyz_")], '\0');
		assert_int_equal(def->title[strspn(def->title, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")],
				 '\0');
		assert_true(def->words[0] != '\0');
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(def->key, stats_table[j].key);
			assert_string_not_equal(def->title, stats_table[j].title);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_lose_nothing),
		cmocka_unit_test(goes_where_it_is_told),
		cmocka_unit_test(any_number_is_harmless),
		cmocka_unit_test(one_value),
		cmocka_unit_test(all_values),
		cmocka_unit_test(names_are_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
