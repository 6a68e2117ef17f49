/* SPDX-License-Identifier: BSD-3-Clause */
/* test_added.c - the table of mount points that an image lacks. */
#include "images/added.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/unit.h"

#define IMAGE_DIR ((uint64_t)0x123456789abc) /* 48 bits, as squashfs has them */

static int make(void **state)
{
	*state = added_new();
	return *state ? 0 : -1;
}

static int unmake(void **state)
{
	added_free(*state);
	return 0;
}

static uint64_t create(struct added *added, uint64_t parent, const char *name, mode_t mode)
{
	uint64_t node = 0;

	assert_int_equal(added_create(added, parent, name, mode, &node), 0);
	assert_true(added_is(node));
	return node;
}

static void free_of_nothing(void **state)
{
	(void)state;
	added_free(NULL);
}

static void image_nodes_are_not_ours(void **state)
{
	(void)state;
	assert_false(added_is(0));
	assert_false(added_is(1));
	assert_false(added_is(IMAGE_DIR));
	assert_false(added_is(((uint64_t)1 << 48) - 1));
	assert_int_equal(added_mode(*state, IMAGE_DIR), 0);
}

static void empty_table(void **state)
{
	uint64_t node;
	size_t cursor = 0;

	assert_int_equal(added_lookup(*state, IMAGE_DIR, "a", &node), ENOENT);
	assert_null(added_next(*state, IMAGE_DIR, &cursor, &node));
}

static void creates_and_finds(void **state)
{
	char name[] = "data";
	uint64_t dir = create(*state, IMAGE_DIR, name, S_IFDIR | 0755), found = 0;
	uint64_t file = create(*state, dir, "file", S_IFREG | 0644);

	name[0] = 'X'; /* it was copied */
	assert_true(dir != file);
	assert_int_equal(added_lookup(*state, IMAGE_DIR, "data", &found), 0);
	assert_true(found == dir);
	assert_int_equal(added_lookup(*state, dir, "file", &found), 0);
	assert_true(found == file);
	assert_int_equal(added_mode(*state, dir), S_IFDIR | 0755);
	assert_int_equal(added_mode(*state, file), S_IFREG | 0644);
	assert_int_equal(added_lookup(*state, IMAGE_DIR, "file", &found), ENOENT);
	assert_int_equal(added_lookup(*state, IMAGE_DIR + 1, "data", &found), ENOENT);
	assert_int_equal(added_lookup(*state, file, "data", &found), ENOENT);
	assert_int_equal(added_lookup(*state, IMAGE_DIR, "dat", &found), ENOENT);
	assert_int_equal(added_lookup(*state, IMAGE_DIR, "data2", &found), ENOENT);
	assert_int_equal(added_lookup(*state, IMAGE_DIR, "", &found), ENOENT);
	assert_true(added_parent(*state, dir) == IMAGE_DIR && added_parent(*state, file) == dir);
	assert_int_equal(added_mode(*state, file + 1), 0); /* ours, but not there */
	assert_true(added_is(file + 1));
	assert_int_equal(added_mode(*state, UINT64_MAX), 0);
}

static void no_name_twice(void **state)
{
	uint64_t first = create(*state, IMAGE_DIR, "a", S_IFDIR | 0755), node;

	assert_int_equal(added_create(*state, IMAGE_DIR, "a", S_IFREG | 0644, &node), EEXIST);
	assert_int_equal(added_mode(*state, first), S_IFDIR | 0755);
	create(*state, first, "a", S_IFDIR | 0755); /* elsewhere it is another */
	create(*state, IMAGE_DIR + 1, "a", S_IFDIR | 0755);
}

static void walks_children_in_order(void **state)
{
	uint64_t dir = create(*state, IMAGE_DIR, "dir", S_IFDIR | 0755), node, seen[3];
	const char *names[3];
	size_t cursor = 0, count = 0;

	seen[0] = create(*state, dir, "one", S_IFREG | 0644);
	create(*state, IMAGE_DIR, "aside", S_IFDIR | 0755);
	seen[1] = create(*state, dir, "two", S_IFREG | 0644);
	seen[2] = create(*state, dir, "three", S_IFDIR | 0755);
	create(*state, seen[2], "below", S_IFREG | 0644);

	while (count < 4) {
		const char *name = added_next(*state, dir, &cursor, &node);

		if (!name)
			break;
		assert_true(count < 3);
		assert_true(node == seen[count]);
		names[count++] = name;
	}
	assert_int_equal(count, 3);
	assert_string_equal(names[0], "one");
	assert_string_equal(names[1], "two");
	assert_string_equal(names[2], "three");
	assert_null(added_next(*state, dir, &cursor, &node));

	create(*state, dir, "four", S_IFREG | 0644); /* a walk sees what comes behind it */
	assert_string_equal(added_next(*state, dir, &cursor, &node), "four");
	cursor = SIZE_MAX;
	assert_null(added_next(*state, dir, &cursor, &node));
}

static void table_fills_up(void **state)
{
	uint64_t node;
	char name[32];

	for (int i = 0; i < ADDED_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		create(*state, IMAGE_DIR + (uint64_t)i / 16, name, S_IFREG | 0644);
	}
	assert_int_equal(added_create(*state, IMAGE_DIR, "more", S_IFREG | 0644, &node), ENOSPC);
	assert_int_equal(added_create(*state, IMAGE_DIR, "n3", S_IFREG | 0644, &node), EEXIST);
	snprintf(name, sizeof(name), "n%d", ADDED_MAX - 1);
	assert_int_equal(added_lookup(*state, IMAGE_DIR + (ADDED_MAX - 1) / 16, name, &node), 0);
	assert_int_equal(added_mode(*state, node), S_IFREG | 0644);
}

static void long_names(void **state)
{
	char name[4096];
	uint64_t node, found;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	node = create(*state, IMAGE_DIR, name, S_IFREG | 0600);
	assert_int_equal(added_lookup(*state, IMAGE_DIR, name, &found), 0);
	assert_true(found == node);
}

#define RACERS 8
#define NAMES  200

struct racer {
	pthread_t thread;
	struct added *added;
	int won, odd;
};

/* All create the same names; cmocka's assertions are for the main thread only. */
static void *race(void *arg)
{
	struct racer *racer = arg;

	for (int i = 0; i < NAMES; i++) {
		char name[32];
		uint64_t node, found;
		int result;

		snprintf(name, sizeof(name), "n%d", i);
		result = added_create(racer->added, IMAGE_DIR, name, S_IFDIR | 0755, &node);
		racer->won += result == 0;
		racer->odd += result != 0 && result != EEXIST;
		racer->odd += added_lookup(racer->added, IMAGE_DIR, name, &found) != 0;
		racer->odd += added_mode(racer->added, found) != (S_IFDIR | 0755);
	}
	return NULL;
}

static void several_threads(void **state)
{
	struct racer racers[RACERS] = { 0 };
	int won = 0;
	size_t cursor = 0, count = 0;
	uint64_t node;

	for (int i = 0; i < RACERS; i++) {
		racers[i].added = *state;
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		won += racers[i].won;
		assert_int_equal(racers[i].odd, 0);
	}
	assert_int_equal(won, NAMES);
	while (added_next(*state, IMAGE_DIR, &cursor, &node))
		count++;
	assert_int_equal(count, NAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_of_nothing),
		cmocka_unit_test_setup_teardown(image_nodes_are_not_ours, make, unmake),
		cmocka_unit_test_setup_teardown(empty_table, make, unmake),
		cmocka_unit_test_setup_teardown(creates_and_finds, make, unmake),
		cmocka_unit_test_setup_teardown(no_name_twice, make, unmake),
		cmocka_unit_test_setup_teardown(walks_children_in_order, make, unmake),
		cmocka_unit_test_setup_teardown(table_fills_up, make, unmake),
		cmocka_unit_test_setup_teardown(long_names, make, unmake),
		cmocka_unit_test_setup_teardown(several_threads, make, unmake),
	};

	return cmocka_run_group_tests_name("added", tests, NULL, NULL);
}
