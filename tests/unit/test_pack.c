/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pack.c - images written of entries, by the real mksquashfs. */
#include "images/import/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "images/squash.h"
#include "tests/unit/unit.h"
#include "tests/unit/tree.h"

#define RAW_NAME "caf\xe9-\xc3\xa9" /* no UTF-8, and that too */

static struct error err;
static char far[200]; /* a long target */
static const struct pack_options plain = { .newest = 1000000000 };

static struct archive_entry *make(const char *path, mode_t type, int64_t size)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 0751);
	archive_entry_set_uid(entry, 1234);
	archive_entry_set_mtime(entry, 1000000000, 0);
	archive_entry_set_size(entry, size);
	return entry;
}

static void add(struct pack *pack, struct archive_entry *entry, const char *data)
{
	if (pack_entry(pack, entry, &err) < 0 || pack_data(pack, data, strlen(data), &err) < 0)
		fail_msg("%s", err.cause);
	archive_entry_free(entry);
}

static void write_image(const char *path, const struct pack_options *options)
{
	struct archive_entry *entry;
	struct pack pack;

	err = (struct error)ERROR_INIT;
	if (pack_open(&pack, path, options, &err) < 0)
		fail_msg("%s", err.cause);
	add(&pack, make("dir", S_IFDIR, 0), "");
	entry = make("dir/file", S_IFREG, 5);
	archive_entry_xattr_add_entry(entry, "user.color", "red", 3);
	add(&pack, entry, "hello");
	entry = make("dir/link", S_IFREG, 0);
	archive_entry_set_hardlink(entry, "dir/file");
	add(&pack, entry, "");
	entry = make("soft", S_IFLNK, 0);
	archive_entry_set_symlink(entry, "../" RAW_NAME);
	add(&pack, entry, "");
	entry = make("far", S_IFLNK, 0);
	memset(far, 'x', sizeof(far) - 1);
	memcpy(far, "/../", 4);
	archive_entry_set_symlink(entry, far);
	add(&pack, entry, "");
	add(&pack, make(RAW_NAME, S_IFREG, 1), "x");
	assert_int_equal(pack_text(&pack, "note", "text\n", 5, &err), 0);
	if (pack_finish(&pack, &err) < 0)
		fail_msg("%s", err.cause);
}

static uint64_t look_up(struct squash *squash, const char *dir, const char *name, struct stat *st)
{
	uint64_t inode = squash_root(squash);

	if (dir)
		assert_int_equal(squash_lookup(squash, inode, dir, &inode), 0);
	assert_int_equal(squash_lookup(squash, inode, name, &inode), 0);
	assert_int_equal(squash_stat(squash, inode, st), 0);
	return inode;
}

static void test_what_is_in_it(void **state)
{
	const struct pack_options options = { .root_mode = 0711, .newest = 1000000001 };
	cleanup_close int fd = -1;
	cleanup_free char *target = NULL;
	struct squash *squash;
	struct stat st, link;
	char value[16];
	size_t len;
	uint64_t inode;

	(void)state;
	write_image("image", &options);
	fd = open("image", O_RDONLY | O_CLOEXEC);
	squash = squash_open(fd, 0, &err);
	assert_non_null(squash);
	assert_int_equal(squash_stat(squash, squash_root(squash), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0711);
	assert_int_equal(st.st_mtime, 1000000001);
	inode = look_up(squash, "dir", "file", &st);
	assert_int_equal(st.st_mode, S_IFREG | 0751);
	assert_int_equal(st.st_mtime, 1000000000);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(squash_getxattr(squash, inode, "user.color", value, sizeof(value), &len),
			 0);
	assert_memory_equal(value, "red", 3);
	assert_int_equal(look_up(squash, "dir", "link", &link), inode);
	inode = look_up(squash, NULL, "soft", &st);
	assert_int_equal(squash_readlink(squash, inode, &target), 0);
	assert_string_equal(target, "../" RAW_NAME);
	free(steal_ptr(&target));
	inode = look_up(squash, NULL, "far", &st);
	assert_int_equal(squash_readlink(squash, inode, &target), 0);
	assert_string_equal(target, far);
	look_up(squash, NULL, RAW_NAME, &st);
	look_up(squash, NULL, "note", &st);
	assert_int_equal(st.st_mode, S_IFREG | 0444);
	squash_close(squash);
}

static void read_file(const char *path, char **data, size_t *len)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	*data = fd_read_all(fd, 1 << 20, len);
	assert_non_null(*data);
}

static void test_same_bytes(void **state)
{
	const struct pack_options options = {
		.compressor = "gzip", .level = 1, .block_size = 1 << 20, .newest = 1
	};
	cleanup_free char *a = NULL, *b = NULL, *c = NULL;
	size_t a_len, b_len, c_len;
	struct stat st;

	(void)state;
	write_image("a", &plain);
	write_image("b", &plain);
	write_image("c", &options);
	read_file("a", &a, &a_len);
	read_file("b", &b, &b_len);
	read_file("c", &c, &c_len);
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, a_len);
	assert_int_equal(c[20], 1); /* gzip, as the superblock has it */
	assert_int_equal(c[22], 20);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0111, 0);
}

static int count_names(void)
{
	DIR *dir = opendir(".");
	int count = -2;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void test_abort_leaves_nothing(void **state)
{
	struct pack pack;
	int before = count_names();

	(void)state;
	assert_int_equal(pack_open(&pack, "gone", &plain, &err), 0);
	add(&pack, make("dir", S_IFDIR, 0), "");
	pack_abort(&pack);
	pack_abort(&pack);
	assert_int_equal(count_names(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* The tool ends while it is being written to. */
static void test_no_room(void **state)
{
	static char noise[4 << 20];
	const struct rlimit limit = { 1 << 20, RLIM_INFINITY };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct archive_entry *entry;
	struct pack pack;
	uint32_t seed = 1;
	int before = count_names(), result;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
	assert_int_equal(pack_open(&pack, "big", &plain, &err), 0);
	assert_int_equal(prlimit(pack.tool.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	for (int i = 0; i < 8; i++) {
		char name[] = { 'f', (char)('0' + i), '\0' };

		entry = make(name, S_IFREG, sizeof(noise));
		noise[0] = name[1];
		result = pack_entry(&pack, entry, &err);
		archive_entry_free(entry);
		if (result == 0)
			result = pack_data(&pack, noise, sizeof(noise), &err);
		if (result < 0)
			break;
	}
	if (result == 0)
		result = pack_finish(&pack, &err);
	pack_abort(&pack);
	assert_int_equal(result, -1);
	assert_contains(err.cause, "cannot write 'big': mksquashfs ended with ");
	assert_int_equal(count_names(), before);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static void test_refused(void **state)
{
	static const struct {
		struct pack_options options;
		const char *cause, *remedy;
	} cases[] = {
		{ { .compressor = "ztsd" }, "there is no compressor 'ztsd'", "zstd" },
		{ { .compressor = "brotli" },
		  "there is no compressor 'brotli'",
		  "zstd, gzip, xz, lzo or lz4" },
		{ { .level = 23 }, "compressor 'zstd' has no level 23", "a level from 1 to 22" },
		{ { .level = -1 }, "compressor 'zstd' has no level -1", "a level from 1 to 22" },
		{ { .compressor = "xz", .level = 6 },
		  "compressor 'xz' has no level 6",
		  "no level: it has none" },
		{ { .block_size = 4095 },
		  "no squashfs has blocks of 4095 bytes",
		  "a power of 2 from 4K to 1M" },
		{ { .block_size = 2 << 20 },
		  "no squashfs has blocks of 2097152 bytes",
		  "a power of 2 from 4K to 1M" },
	};
	struct pack pack;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(pack_open(&pack, "refused", &cases[i].options, &err), -1);
		assert_cause(&err, cases[i].cause);
		assert_remedy(&err, cases[i].remedy);
	}
	assert_int_equal(pack_open(&pack, "no/such/dir", &plain, &err), -1);
	assert_contains(err.cause, "cannot create a file in 'no/such/'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_in_it),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_abort_leaves_nothing),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_refused),
	};

	if (libarchive_open(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
