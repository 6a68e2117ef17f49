/* SPDX-License-Identifier: BSD-3-Clause */
/* test_import_tree.c - what hostile layers cost the tree of names: time and memory. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "images/import/tree_inner.h"
#include "tests/unit/unit.h"

#define NAMES 20000

static struct error err;
static struct tree tree;
static struct archive_entry *entry;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(libarchive_open(&err), 0);
	entry = archive_entry_new();
	return entry && tree_init(&tree) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	tree_done(&tree);
	archive_entry_free(entry);
	return 0;
}

static int apply(uint32_t layer, const char *path, mode_t type)
{
	static uint32_t index;

	err = (struct error)ERROR_INIT;
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_size(entry, 0);
	return tree_apply(&tree, layer, index++, true, entry, &err);
}

static size_t longest_chain(void)
{
	size_t longest = 0;

	for (size_t i = 0; i < tree.table_size; i++) {
		size_t len = 0;

		for (const struct node *node = tree.table[i]; node; node = node->chain)
			len++;
		longest = len > longest ? len : longest;
	}
	return longest;
}

/* Names that differ little, or in what a weak hash does not see, and another table each time. */
static void test_hash(void **state)
{
	static const char *const around[][2] = { { "", "" },
						 { "d", "/f" },
						 { "a", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" } };
	struct tree other;
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++)
		for (int n = 0; n < NAMES; n++) {
			snprintf(path, sizeof(path), "%s%06d%s", around[i][0], n, around[i][1]);
			assert_int_equal(apply(0, path, AE_IFREG), 0);
		}
	assert_int_equal(tree.node_count, 4 * NAMES + 1);
	assert_in_range(longest_chain(), 1, 24);
	assert_int_equal(tree_init(&other), 0);
	assert_int_not_equal(other.point, tree.point);
	tree_done(&other);
}

/* The same directory is emptied once for a layer, however often the layer says so. */
static void test_many_whiteouts(void **state)
{
	clock_t start = clock();
	char path[64];

	(void)state;
	assert_int_equal(apply(0, "dir/below", AE_IFREG), 0);
	for (int n = 0; n < NAMES; n++) {
		snprintf(path, sizeof(path), "dir/%d", n);
		assert_int_equal(apply(1, path, AE_IFREG), 0);
	}
	for (int n = 0; n < NAMES; n++) {
		assert_int_equal(apply(1, "dir/.wh..wh..opq", AE_IFREG), 0);
		assert_int_equal(apply(1, ".wh.dir", AE_IFREG), 0);
	}
	assert_int_equal(tree.node_count, NAMES + 2);
	/* It was more than 1 s, on a fast machine. */
	assert_true(clock() - start < CLOCKS_PER_SEC / 2);
	/* The next layer counts again. */
	assert_int_equal(apply(2, "dir/new", AE_IFREG), 0);
	assert_int_equal(apply(2, "dir/.wh..wh..opq", AE_IFREG), 0);
	assert_int_equal(tree.node_count, 3);
}

/* A name may bring two thousand directories: entries alone are no bound. */
static void test_memory(void **state)
{
	char path[2100], target[1000];
	int result = 0, n;

	(void)state;
	memset(path, 'd', sizeof(path));
	for (size_t i = 5; i < sizeof(path); i += 2)
		path[i] = '/';
	tree.bytes_left = 4 << 20;
	for (n = 0; n < 100 && result == 0; n++) {
		snprintf(path, sizeof(path), "%05d", n);
		path[5] = '/';
		path[sizeof(path) - 1] = '\0';
		result = apply(0, path, AE_IFDIR);
	}
	assert_int_equal(result, -1);
	assert_in_range(n, 10, 60);
	assert_contains(err.cause, "the names of the image need more than 2048 MiB of memory");
	/* Targets of links, and attributes of directories, count. */
	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	tree.bytes_left = 900;
	archive_entry_set_symlink(entry, target);
	assert_int_equal(apply(0, "link", AE_IFLNK), -1);
	assert_contains(err.cause, "more than 2048 MiB");
	archive_entry_set_symlink(entry, NULL);
	tree.bytes_left = 4000;
	archive_entry_xattr_add_entry(entry, "user.x", path, sizeof(path));
	assert_int_equal(apply(0, "one", AE_IFDIR), 0);
	assert_int_equal(apply(0, "two", AE_IFDIR), -1);
	assert_contains(err.cause, "more than 2048 MiB");
	tree.bytes_left = 4 << 20;
	assert_int_equal(apply(0, "two", AE_IFDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_whiteouts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
