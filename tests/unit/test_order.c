/* SPDX-License-Identifier: BSD-3-Clause */
/* test_order.c - in which order the files of an image come by its traces. */
#define BYTES_MAX ((size_t)8000) /* for order.c */
#include "images/order.c"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

static struct error err;
static struct squash *squash;
static struct order order;
static int fd = -1;

static void open_seed(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", TEST_SEEDS, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	squash = squash_open(fd, 0, &err);
	assert_non_null(squash);
}

static int close_it(void **state)
{
	(void)state;
	order_done(&order);
	squash_close(squash);
	close(fd);
	return 0;
}

/* The names of one place, with blanks between. */
static const char *names_of(enum order_place place)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < order.count; i++)
		if (order.entries[i].place == place)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 text[0] ? " " : "", order.entries[i].path);
	return text;
}

static void make(struct trace_line *lines, size_t count)
{
	const struct trace_list traces[] = { { .lines = lines, .count = count / 2 },
					     { .lines = lines + count / 2,
					       .count = count - count / 2 } };

	if (order_make(&order, squash, traces, 2, &err) < 0)
		fail_msg("%s", err.cause);
}

#define WHOLE(name)                                   \
	{                                             \
		.path = CHARS(name), .is_whole = true \
	}

static void all_comes_once(void **state)
{
	struct trace_line lines[] = {
		WHOLE("/sparse"),   WHOLE("/hard"),     WHOLE("/not there"), WHOLE("/dir"),
		WHOLE("/file"),     WHOLE("/dir/more"), WHOLE("/not there"), WHOLE("/sparse"),
		WHOLE("/dir/link"), WHOLE("/file/x"),
	};

	(void)state;
	open_seed("gzip");
	make(lines, COUNT_OF(lines));
	assert_int_equal(order.found, 3);
	assert_int_equal(order.missing, 4);
	assert_string_equal(names_of(ORDER_NO_FILE),
			    "/ /dir /dir/link /dir/sub /disk /empty /fifo /null");
	assert_string_equal(names_of(ORDER_START), "/sparse /file /dir/more");
	assert_string_equal(names_of(ORDER_PARTLY), "");
	assert_string_equal(names_of(ORDER_REST), "/blocks /zero");
	assert_string_equal(names_of(ORDER_LINK), "/hard");
	assert_string_equal(order.entries[order.count - 1].first, "/file");
	assert_int_equal(order.newest, 0);
}

static void places_follow_each_other(void **state)
{
	struct trace_line lines[] = { WHOLE("/zero"), WHOLE("/file") };

	(void)state;
	open_seed("gzip");
	make(lines, COUNT_OF(lines));
	for (size_t i = 1; i < order.count; i++)
		assert_true(order.entries[i].place >= order.entries[i - 1].place);
	assert_string_equal(names_of(ORDER_START), "/zero /file");
}

/* It has 97 pieces. */
static void what_is_read_in_part_comes_behind(void **state)
{
	static char path[] = "/large";
	struct trace_line lines[100];
	uint64_t end;

	(void)state;
	open_seed("large");
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		lines[i] = (struct trace_line){ .path = path, .piece = i };
	make(lines, 48);
	assert_string_equal(names_of(ORDER_PARTLY), "/large");
	assert_int_equal(order_find_end(&order, squash, &end, &err), 0);
	assert_int_equal(end, 0);
	order_done(&order);
	make(lines, 49);
	assert_string_equal(names_of(ORDER_START), "/large");
	order_done(&order);
	make(lines, 100);
	assert_string_equal(names_of(ORDER_START), "/large");
}

static void the_end_is_behind_the_last_byte(void **state)
{
	struct trace_line lines[] = { WHOLE("/blocks"), WHOLE("/zero") };
	struct squash_extent extents[4];
	uint64_t end, inode;
	size_t count;

	(void)state;
	open_seed("raw");
	make(lines, COUNT_OF(lines));
	assert_int_equal(order_look_up(squash, "/blocks", &inode), 0);
	assert_int_equal(squash_locate(squash, inode, 0, SIZE_MAX, extents, 4, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(order_find_end(&order, squash, &end, &err), 0);
	assert_true(end >= extents[0].position + 4096);
	assert_true(end >= extents[1].position + 104);
	assert_true(end <= squash_tables(squash));
}

static void names_are_looked_up(void **state)
{
	uint64_t inode, other;
	char longer[NAME_MAX + 3] = "/";

	(void)state;
	open_seed("gzip");
	assert_int_equal(order_look_up(squash, "/dir/more", &inode), 0);
	assert_int_equal(order_look_up(squash, "dir//more", &other), 0);
	assert_int_equal(inode, other);
	assert_int_equal(order_look_up(squash, "/", &inode), 0);
	assert_int_equal(inode, squash_root(squash));
	assert_int_equal(order_look_up(squash, "/nothing", &inode), ENOENT);
	assert_int_equal(order_look_up(squash, "/file/x", &inode), ENOTDIR);
	memset(longer + 1, 'a', NAME_MAX + 1);
	assert_int_equal(order_look_up(squash, longer, &inode), ENAMETOOLONG);
}

static void damage_is_told(void **state)
{
	struct trace_line lines[] = { WHOLE("/a") };
	const struct trace_list trace = { .lines = lines, .count = 1 };

	(void)state;
	open_seed("bug-names");
	assert_int_equal(order_make(&order, squash, &trace, 1, &err), -1);
	assert_true(err.cause[0]);
}

static void there_is_a_limit_to_all_paths(void **state)
{
	struct trace_line lines[] = { WHOLE("/a") };
	const struct trace_list trace = { .lines = lines, .count = 1 };

	(void)state;
	open_seed("index");
	assert_int_equal(order_make(&order, squash, &trace, 1, &err), -1);
	assert_int_equal(err.errnum, EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(all_comes_once, close_it),
		cmocka_unit_test_teardown(places_follow_each_other, close_it),
		cmocka_unit_test_teardown(what_is_read_in_part_comes_behind, close_it),
		cmocka_unit_test_teardown(the_end_is_behind_the_last_byte, close_it),
		cmocka_unit_test_teardown(names_are_looked_up, close_it),
		cmocka_unit_test_teardown(damage_is_told, close_it),
		cmocka_unit_test_teardown(there_is_a_limit_to_all_paths, close_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
