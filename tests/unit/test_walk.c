/* SPDX-License-Identifier: BSD-3-Clause */
/* test_walk.c - all of an image in order, and images in which there is no end. */
#include "images/walk.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "images/inodemap.h"
#include "tests/unit/seed.h"

static struct squash *squash;
static struct error err;
static int fd = -1;

static void open_bytes(void)
{
	squash_close(squash);
	if (fd >= 0)
		close(fd);
	fd = seed_file();
	err = (struct error)ERROR_INIT;
	squash = squash_open(fd, 0, &err);
	if (!squash)
		fail_msg("%s", err.cause);
}

static void open_seed(const char *name)
{
	seed_load(name);
	open_bytes();
}

static int close_it(void **state)
{
	(void)state;
	squash_close(squash);
	squash = NULL;
	if (fd >= 0)
		close(fd);
	fd = -1;
	return 0;
}

/* What a walk has come by. */
static struct {
	char text[4096];
	const char *skip, *stop;
	size_t count;
} seen;

static void note(const char *front, const char *path, const char *back)
{
	size_t len = strlen(seen.text);

	seen.count++;
	snprintf(seen.text + len, sizeof(seen.text) - len, "%s%s%s\n", front, path, back);
}

static enum walk_next each(const struct walk_at *at, void *data)
{
	const char *slash = strrchr(at->path, '/');
	struct stat st;

	assert_ptr_equal(data, &seen);
	assert_string_equal(at->name, slash + 1);
	assert_int_equal(squash_stat(squash, at->inode, &st), 0);
	assert_int_equal(st.st_ino, at->st->st_ino);
	note("", at->path, "");
	if (seen.stop && strcmp(at->path, seen.stop) == 0)
		return WALK_STOP;
	return seen.skip && strcmp(at->path, seen.skip) == 0 ? WALK_SKIP : WALK_ON;
}

static enum walk_next leave(const struct walk_at *at, void *data)
{
	(void)data;
	assert_true(S_ISDIR(at->st->st_mode));
	note("end of ", at->path, "");
	return WALK_ON;
}

static enum walk_next damaged(const char *path, const char *what, int errnum, void *data)
{
	char back[256];

	(void)data;
	snprintf(back, sizeof(back), ": %s: %d", what, errnum);
	note("damaged ", path, back);
	return WALK_ON;
}

static const struct walk plain = { .each = each, .leave = leave, .data = &seen };
static const struct walk careful = { .each = each, .damaged = damaged, .data = &seen };

static int walk(const struct walk *how, const char *skip, const char *stop)
{
	memset(&seen, 0, sizeof(seen));
	seen.skip = skip;
	seen.stop = stop;
	err = (struct error)ERROR_INIT;
	return walk_tree(squash, squash_root(squash), "/", how, &err);
}

#define HEAD "/\n/blocks\n/dir\n/dir/link\n/dir/more\n/dir/sub\n"
#define TAIL "/fifo\n/file\n/hard\n/null\n/sparse\n/zero\n"

static void each_compression(void **state)
{
	static const char *const names[] = { "raw", "gzip", "xz", "lz4", "lzo", "zstd" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		open_seed(names[i]);
		assert_int_equal(walk(&plain, NULL, NULL), 0);
		assert_string_equal(
			seen.text,
			HEAD "end of /dir/sub\nend of /dir\n/disk\n/empty\nend of /empty\n" TAIL
			     "end of /\n");
	}
}

static void a_part_of_it(void **state)
{
	uint64_t dir;

	(void)state;
	open_seed("raw");
	assert_int_equal(walk(&plain, "/dir", NULL), 0);
	assert_string_equal(seen.text,
			    "/\n/blocks\n/dir\n/disk\n/empty\nend of /empty\n" TAIL "end of /\n");
	assert_int_equal(walk(&plain, NULL, "/dir/more"), 1);
	assert_string_equal(seen.text, "/\n/blocks\n/dir\n/dir/link\n/dir/more\n");

	assert_int_equal(squash_lookup(squash, squash_root(squash), "dir", &dir), 0);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(walk_tree(squash, dir, "/dir", &plain, &err), 0);
	assert_string_equal(seen.text, "/dir\n/dir/link\n/dir/more\n/dir/sub\nend of /dir/sub\n"
				       "end of /dir\n");
	/* not a directory */
	assert_int_equal(squash_lookup(squash, squash_root(squash), "file", &dir), 0);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(walk_tree(squash, dir, "/file", &plain, &err), 0);
	assert_string_equal(seen.text, "/file\n");
}

static void a_large_directory(void **state)
{
	(void)state;
	open_seed("index");
	assert_int_equal(walk(&careful, NULL, NULL), 0);
	assert_int_equal(seen.count, 36);
}

/* ---- hostile ones -------------------------------------------------------- */

static void a_loop(void **state)
{
	(void)state;
	open_seed("raw");
	seed_put(seed_entry("sub"), squash_root(squash) & 0xffff, 2);
	open_bytes();
	assert_int_equal(walk(&careful, NULL, NULL), 0);
	assert_string_equal(
		seen.text, HEAD
		"damaged /dir/sub: it is a directory that has another name: 5\n/disk\n/empty\n" TAIL);
	assert_int_equal(walk(&plain, NULL, NULL), -1);
	assert_cause(&err, "'/dir/sub' is damaged: it is a directory that has another name");
	assert_remedy(&err, "copy or make the image again");
}

static void an_entry_that_lies(void **state)
{
	(void)state;
	open_seed("raw");
	seed_put(seed_entry("more"), squash_root(squash) & 0xffff, 2);
	seed_put(seed_entry("link"), 0xfff0, 2);
	open_bytes();
	assert_int_equal(walk(&careful, NULL, NULL), 0);
	assert_string_equal(seen.text,
			    "/\n/blocks\n/dir\ndamaged /dir/link: its inode: 5\n"
			    "damaged /dir/more: its inode is of another kind: 5\n/dir/sub\n"
			    "/disk\n/empty\n" TAIL);
	assert_int_equal(walk(&plain, NULL, NULL), -1);
	assert_cause(&err, "'/dir/link' is damaged: its inode");
}

static void a_list_that_lies(void **state)
{
	size_t root;

	(void)state;
	open_seed("raw");
	seed_put(seed_entry("more") + 6, 0xffff, 2); /* the length of its name */
	open_bytes();
	assert_int_equal(walk(&careful, NULL, NULL), 0);
	assert_string_equal(
		seen.text,
		"/\n/blocks\n/dir\ndamaged /dir: its list of names: 5\n/disk\n/empty\n" TAIL);

	/* more names than the image has room for */
	open_seed("raw-index");
	root = seed_get(AT_INODE_TABLE) + 2 + (squash_root(squash) & 0xffff);
	seed_put(root + 20, 0x7fffffff, 4);
	open_bytes();
	assert_int_equal(walk(&careful, NULL, NULL), 0);
	assert_string_equal(seen.text,
			    "/\ndamaged /: its list and others have the same names: 5\n");
}

static void numbers(void **state)
{
	struct inodemap map = { .slots = NULL };
	bool is_new;

	(void)state;
	assert_null(inodemap_find(&map, 7));
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t *value = inodemap_get(&map, i << 16, &is_new);

		assert_true(value && is_new && *value == 0);
		*value = i + 1;
	}
	for (uint64_t i = 0; i < 10000; i++) {
		assert_int_equal(*inodemap_find(&map, i << 16), i + 1);
		assert_int_equal(*inodemap_get(&map, i << 16, &is_new), i + 1);
		assert_false(is_new);
	}
	assert_null(inodemap_find(&map, 1));
	assert_int_equal(map.count, 10000);
	inodemap_done(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_compression, close_it),
		cmocka_unit_test_teardown(a_part_of_it, close_it),
		cmocka_unit_test_teardown(a_large_directory, close_it),
		cmocka_unit_test_teardown(a_loop, close_it),
		cmocka_unit_test_teardown(an_entry_that_lies, close_it),
		cmocka_unit_test_teardown(a_list_that_lies, close_it),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
