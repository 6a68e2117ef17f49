/* SPDX-License-Identifier: BSD-3-Clause */
/* test_direct.c - files of an image without a mount: paths, links, contents, holes, and whether all is whole. */
#include "images/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/check.h"
#include "tests/unit/seed.h"

static struct image image = IMAGE_INIT;
static struct direct direct;
static struct error err;

static int open_bytes(void)
{
	direct_close(&direct);
	image_done(&image);
	err = (struct error)ERROR_INIT;
	image.fd = seed_file();
	image.path = strdup("/x.sqfs");
	assert_non_null(image.path);
	return direct_open(&direct, &image, &err);
}

static void open_seed(const char *name)
{
	seed_load(name);
	assert_int_equal(open_bytes(), 0);
}

static int close_it(void **state)
{
	(void)state;
	direct_close(&direct);
	image_done(&image);
	return 0;
}

static void finding(void **state)
{
	static const struct {
		const char *path;
		bool follow;
		int error;
		const char *place;
	} cases[] = {
		{ "/", true, 0, "/" },
		{ "", true, 0, "/" },
		{ "..", true, 0, "/" },
		{ "/../../dir/./sub/../more", true, 0, "/dir/more" },
		{ "dir//more", true, 0, "/dir/more" },
		{ "dir/", true, 0, "/dir" },
		{ "dir/link", true, 0, "/file" },
		{ "dir/link", false, 0, "/dir/link" },
		{ "dir/sub/../link", true, 0, "/file" },
		{ "file/", true, ENOTDIR, NULL },
		{ "file/more", true, ENOTDIR, NULL },
		{ "dir/link/x", false, ENOTDIR, NULL },
		{ "nothing", true, ENOENT, NULL },
		{ "dir/nothing/more", true, ENOENT, NULL },
	};
	struct direct_place place;
	char longest[PATH_MAX + 1];

	(void)state;
	open_seed("gzip");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int error = direct_find(&direct, cases[i].path, cases[i].follow, &place);

		if (error != cases[i].error)
			fail_msg("'%s': %d", cases[i].path, error);
		if (!error)
			assert_string_equal(place.path, cases[i].place);
	}
	memset(longest, 'x', PATH_MAX);
	longest[PATH_MAX] = '\0';
	assert_int_equal(direct_find(&direct, longest, true, &place), ENAMETOOLONG);
	longest[NAME_MAX + 1] = '\0';
	assert_int_equal(direct_find(&direct, longest, true, &place), ENAMETOOLONG);
	for (size_t i = 0; i < PATH_MAX - 1; i++)
		longest[i] = "./"[i % 2];
	longest[PATH_MAX - 1] = '\0';
	assert_int_equal(direct_find(&direct, longest, true, &place), 0);
	assert_string_equal(place.path, "/");
}

/* Puts `target` in place of that of the one link there is, "../file". */
static int retarget(const char *target)
{
	struct direct_place place;

	open_seed("raw");
	memcpy(seed.bytes + seed_locate("../file", 0, seed.size), target, 7);
	assert_int_equal(open_bytes(), 0);
	return direct_find(&direct, "dir/link", true, &place);
}

static void links(void **state)
{
	(void)state;
	assert_int_equal(retarget("../file"), 0);
	assert_int_equal(retarget("/./file"), 0);
	assert_int_equal(retarget("././//."), 0);
	assert_int_equal(retarget("./link/"), ELOOP);
	assert_int_equal(retarget("././lin"), ENOENT);
	assert_int_equal(retarget("\0./file"), ENOENT);
}

static void reading(void **state)
{
	struct direct_place place;
	off_t hole, data;
	char buf[20000];
	size_t got;

	(void)state;
	open_seed("zstd");
	assert_int_equal(direct_find(&direct, "blocks", true, &place), 0);
	assert_int_equal(direct_read(&direct, place.inode, 0, buf, sizeof(buf), &got), 0);
	assert_int_equal(got, 4200);
	assert_int_equal(direct_read(&direct, place.inode, 4095, buf, 2, &got), 0);
	assert_int_equal(got, 2);
	assert_memory_equal(buf, "yy", 2);
	assert_int_equal(direct_read(&direct, place.inode, 4200, buf, 2, &got), 0);
	assert_int_equal(got, 0);
	assert_int_equal(direct_find(&direct, "dir", true, &place), 0);
	assert_int_equal(direct_read(&direct, place.inode, 0, buf, 2, &got), EINVAL);

	/* two blocks that are holes, and the rest in a fragment */
	assert_int_equal(direct_find(&direct, "sparse", true, &place), 0);
	assert_int_equal(direct_stretch(&direct, place.inode, 0, &hole, &data), 0);
	assert_int_equal(hole, 8192);
	assert_int_equal(data, 9003 - 8192);
	assert_int_equal(direct_stretch(&direct, place.inode, 9003, &hole, &data), 0);
	assert_int_equal(hole + data, 0);
	assert_int_equal(direct_find(&direct, "zero", true, &place), 0);
	assert_int_equal(direct_stretch(&direct, place.inode, 0, &hole, &data), 0);
	assert_int_equal(hole + data, 0);
}

static void few_files(void **state)
{
	struct image_files files;
	cleanup_free char *text = NULL;
	char **names;
	struct stat st;
	size_t len;

	(void)state;
	open_seed("xz");
	files = direct_files(&direct);
	text = image_files_read(&files, "/dir/link", 6, &len);
	assert_non_null(text);
	assert_string_equal(text, "hello\n");
	assert_int_equal(len, 6);
	assert_null(image_files_read(&files, "/dir/link", 5, &len));
	assert_int_equal(errno, EFBIG);
	assert_null(image_files_read(&files, "/dir", 5, &len));
	assert_int_equal(errno, EINVAL);
	assert_null(image_files_read(&files, "/fifo", 5, &len));
	assert_int_equal(errno, EINVAL);
	assert_null(image_files_read(&files, "/none", 5, &len));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(image_files_stat(&files, "/dir/link", &st), 0);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(image_files_stat(&files, "/none", &st), -1);
	names = image_files_list(&files, "/dir");
	assert_non_null(names);
	assert_string_equal(names[0], "link");
	assert_string_equal(names[1], "more");
	assert_string_equal(names[2], "sub");
	assert_null(names[3]);
	strings_free(names);
	assert_null(image_files_list(&files, "/file"));
	assert_int_equal(errno, ENOTDIR);
}

/* ---- whether all is whole ----------------------------------------------------------------------- */

static char said[4096];

static void note(const char *path, const char *what, void *data)
{
	size_t len = strlen(said);

	assert_null(data);
	snprintf(said + len, sizeof(said) - len, "%s: %s\n", path, what);
}

static struct check checked(void)
{
	struct check check;

	said[0] = '\0';
	assert_int_equal(check_squash(&check, direct.squash, note, NULL, &err), 0);
	return check;
}

static void whole(void **state)
{
	static const char *const names[] = { "raw", "gzip", "xz", "lz4", "lzo", "zstd" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct check check;

		open_seed(names[i]);
		check = checked();
		assert_string_equal(said, "");
		assert_int_equal(check.damaged, 0);
		assert_int_equal(check.files, 5);
		assert_int_equal(check.directories, 4);
		assert_int_equal(check.others, 4);
	}
	open_seed("empty");
	assert_int_equal(checked().directories, 1);
	open_seed("index");
	assert_int_equal(checked().files, 35);
	assert_string_equal(said, "");
	open_seed("large");
	assert_int_equal(checked().blocks, 1);
	assert_string_equal(said, "");
}

static void damaged(void **state)
{
	struct check check;

	(void)state;
	/* The first bytes behind the superblock are the first block of a file. */
	open_seed("gzip");
	memset(seed.bytes + 96, 0xff, 4);
	assert_int_equal(open_bytes(), 0);
	check = checked();
	assert_int_equal(check.damaged, 1);
	assert_string_equal(said, "/blocks: its contents\n");

	/* The number of inodes. */
	open_seed("raw");
	seed.bytes[4]--;
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(checked().damaged, 1);
	assert_string_equal(said, "/: its superblock tells of another number of files\n");

	/* A name that comes too late. */
	open_seed("raw-small");
	for (size_t at = 0; at + 4 <= seed.size; at++)
		if (memcmp(seed.bytes + at, "\1\0f1", 4) == 0) {
			seed.bytes[at + 3] = '2';
			break;
		}
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(checked().damaged, 1);
	assert_string_equal(said, "/f2: its name is not in order\n");
}

static void not_a_file(void **state)
{
	struct image directory = { .kind = IMAGE_DIRECTORY, .path = image.path, .fd = -1 };

	(void)state;
	open_seed("raw");
	directory.path = image.path;
	direct_close(&direct);
	assert_int_equal(direct_open(&direct, &directory, &err), -1);
	assert_cause(&err, "image '/x.sqfs' is a directory: there is nothing to unpack");
	assert_remedy(&err, "ls, cat, cp -a or diff -r");
	open_seed("raw");
	seed.bytes[12] = 1;
	assert_int_equal(open_bytes(), -1);
	assert_cause(&err,
		     "image '/x.sqfs' is damaged or cannot be read: its superblock is damaged: "
		     "the size of blocks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(finding, close_it),
		cmocka_unit_test_teardown(links, close_it),
		cmocka_unit_test_teardown(reading, close_it),
		cmocka_unit_test_teardown(few_files, close_it),
		cmocka_unit_test_teardown(whole, close_it),
		cmocka_unit_test_teardown(damaged, close_it),
		cmocka_unit_test_teardown(not_a_file, close_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
