/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_squash.c - images of mksquashfs, with each compression, and what somebody could make of one.
 *
 * The images are those from which the fuzzer starts. The hostile ones are made of one without
 * compression by changing a number; each of them made libsquashfuse 0.1.105 read or write where it
 * should not, or want memory without end.
 */
#include "images/squash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/seed.h"

static struct squash *squash;
static struct error err;
static int fd = -1;

static int open_bytes(void)
{
	squash_close(squash);
	if (fd >= 0)
		close(fd);
	fd = seed_file();
	err = (struct error)ERROR_INIT;
	squash = squash_open(fd, 0, &err);
	return squash ? 0 : -1;
}

static void open_seed(const char *name)
{
	seed_load(name);
	if (open_bytes() < 0)
		fail_msg("%s: %s", name, err.cause);
}

static uint64_t find(const char *path)
{
	uint64_t inode = squash_root(squash);
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save))
		if (squash_lookup(squash, inode, name, &inode))
			fail_msg("no %s in %s", name, path);
	return inode;
}

/* Bytes of a file, as the server reads them; returns an errno. */
static int read_file(uint64_t inode, off_t offset, char *buf, size_t want, size_t *got)
{
	struct blocks *cache = blocks_new(4, squash_block_size(squash));
	struct squash_extent extents[8];
	size_t count;
	int error = squash_locate(squash, inode, offset, want, extents, 8, &count);

	*got = 0;
	for (size_t i = 0; !error && i < count; i++) {
		const struct block *block;

		if (extents[i].hole) {
			memset(buf + *got, 0, extents[i].size);
		} else {
			error = squash_get_block(squash, cache, &extents[i], &block);
			if (error)
				break;
			memcpy(buf + *got, block->data + extents[i].offset, extents[i].size);
			blocks_put(cache, block);
		}
		*got += extents[i].size;
	}
	blocks_free(cache);
	return error;
}

static void each_compression(void **state)
{
	static const char *const names[] = { "raw", "gzip", "xz", "lz4", "lzo", "zstd" };
	char buf[16384];
	size_t got;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		cleanup_free char *target = NULL;
		uint32_t parent;
		struct stat st;

		open_seed(names[i]);
		assert_int_equal(read_file(find("file"), 0, buf, sizeof(buf), &got), 0);
		assert_int_equal(got, 6);
		assert_memory_equal(buf, "hello\n", 6);
		assert_int_equal(find("file"), find("hard"));
		assert_int_equal(squash_readlink(squash, find("dir/link"), &target), 0);
		assert_string_equal(target, "../file");
		assert_int_equal(squash_stat(squash, find("null"), &st), 0);
		assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0x103 && st.st_uid == 0);
		assert_int_equal(squash_stat(squash, find("dir"), &st), 0);
		assert_int_equal(squash_parent(squash, find("dir/sub"), &parent), 0);
		assert_int_equal(parent, st.st_ino);
		assert_int_equal(squash_parent(squash, find("file"), &parent), ENOTDIR);
		/* two holes and an end */
		assert_int_equal(read_file(find("sparse"), 8990, buf, sizeof(buf), &got), 0);
		assert_int_equal(got, 13);
		assert_memory_equal(buf, "\0\0\0\0\0\0\0\0\0\0end", 13);
		assert_int_equal(read_file(find("blocks"), 4090, buf, 20, &got), 0);
		assert_int_equal(got, 20);
		assert_memory_equal(buf, "yyyyyyyyyyyyyyyyyyyy", 20);
	}
}

/* Where squash_seek() leads to, or -errno. */
static off_t seek(const char *name, bool to_hole, off_t offset)
{
	int error = squash_seek(squash, find(name), to_hole, &offset);

	return error ? -error : offset;
}

static void holes(void **state)
{
	(void)state;
	open_seed("gzip");
	/* two blocks that are none, and a tail */
	assert_int_equal(seek("sparse", false, 0), 8192);
	assert_int_equal(seek("sparse", false, 8191), 8192);
	assert_int_equal(seek("sparse", false, 9002), 9002);
	assert_int_equal(seek("sparse", false, 9003), -ENXIO);
	assert_int_equal(seek("sparse", true, 0), 0);
	assert_int_equal(seek("sparse", true, 5000), 5000);
	assert_int_equal(seek("sparse", true, 8192), 9003);
	assert_int_equal(seek("sparse", true, 9003), -ENXIO);
	assert_int_equal(seek("blocks", false, 17), 17);
	assert_int_equal(seek("blocks", true, 17), 4200);
	assert_int_equal(seek("blocks", true, -1), -ENXIO);
	assert_int_equal(seek("blocks", false, INT64_MAX), -ENXIO);
	assert_int_equal(seek("zero", true, 0), -ENXIO);
	assert_int_equal(seek("dir", true, 0), -EINVAL);
	open_seed("large");
	assert_int_equal(seek("large", false, 1), 12 << 20);
	assert_int_equal(seek("large", true, 12 << 20), (12 << 20) + 3);
}

static void attributes(void **state)
{
	char buf[256];
	size_t len;

	(void)state;
	open_seed("raw");
	assert_int_equal(squash_getxattr(squash, find("file"), "user.one", buf, 256, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(buf[0], '1');
	/* stored once, with another name */
	assert_int_equal(squash_getxattr(squash, find("zero"), "user.two", buf, 256, &len), 0);
	assert_int_equal(len, 120);
	assert_memory_equal(buf, "twotwo", 6);
	assert_int_equal(squash_getxattr(squash, find("dir/more"), "trusted.t", buf, 120, &len), 0);
	assert_int_equal(squash_getxattr(squash, find("zero"), "user.two", buf, 0, &len), 0);
	assert_int_equal(len, 120);
	assert_int_equal(squash_getxattr(squash, find("zero"), "user.two", buf, 119, &len), ERANGE);
	assert_int_equal(squash_getxattr(squash, find("zero"), "user.one", buf, 1, &len), ENODATA);
	assert_int_equal(squash_getxattr(squash, find("empty"), "user.one", buf, 1, &len), ENODATA);
	assert_int_equal(squash_listxattr(squash, find("zero"), buf, 256, &len), 0);
	assert_int_equal(len, sizeof("user.two"));
	assert_string_equal(buf, "user.two");
	assert_int_equal(squash_listxattr(squash, find("zero"), buf, 8, &len), ERANGE);
	assert_int_equal(squash_listxattr(squash, find("empty"), buf, 256, &len), 0);
	assert_int_equal(len, 0);
	/* "trusted" ones are there and not listed */
	assert_int_equal(squash_listxattr(squash, find("dir/more"), buf, 256, &len), 0);
	assert_int_equal(len, 0);
	open_seed("raw-small");
	assert_false(squash_has_xattrs(squash));
	assert_int_equal(squash_getxattr(squash, find("f1"), "user.one", buf, 1, &len), ENODATA);
}

/* What one call of squash_readdir() shows: the first entry. */
struct seen {
	char name[300];
	uint32_t number;
	off_t next;
	size_t count;
};

static bool see(const struct squash_entry *entry, void *data)
{
	struct seen *seen = data;

	if (seen->count++ > 0)
		return false;
	snprintf(seen->name, sizeof(seen->name), "%s", entry->name);
	seen->number = entry->number;
	seen->next = entry->next;
	return true;
}

static void a_directory_with_an_index(void **state)
{
	static const char *const names[] = { "index", "raw-index" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		size_t count = 0;
		uint64_t inode;
		struct seen seen = { .next = 0 };
		struct stat st;

		open_seed(names[i]);
		do {
			char expected[300];

			seen.count = 0;
			assert_int_equal(squash_readdir(squash, squash_root(squash), seen.next, see,
							&seen),
					 0);
			if (seen.count == 0)
				break;
			count++;
			snprintf(expected, sizeof(expected), "n%0245zu", count);
			assert_string_equal(seen.name, expected);
			assert_int_equal(
				squash_lookup(squash, squash_root(squash), expected, &inode), 0);
			assert_int_equal(squash_stat(squash, inode, &st), 0);
			assert_int_equal(seen.number, st.st_ino);
		} while (count < 1000);
		assert_int_equal(count, 35);
		assert_int_equal(squash_lookup(squash, squash_root(squash), "a", &inode), ENOENT);
		assert_int_equal(squash_lookup(squash, squash_root(squash), "z", &inode), ENOENT);
	}
}

/* From the end to the beginning and back, with the way remembered and without it. */
static void a_file_of_many_blocks(void **state)
{
	const off_t size_of_it = (12 << 20) + 3;
	char buf[16];
	size_t got;

	(void)state;
	open_seed("large");
	for (int round = 0; round < 3; round++) {
		assert_int_equal(read_file(find("large"), size_of_it - 3, buf, 16, &got), 0);
		assert_int_equal(got, 3);
		assert_memory_equal(buf, "end", 3);
		for (off_t offset = size_of_it - 8; offset > 0; offset -= 500000) {
			assert_int_equal(read_file(find("large"), offset, buf, 4, &got), 0);
			assert_int_equal(got, 4);
			assert_memory_equal(buf, "\0\0\0\0", 4);
		}
		assert_int_equal(read_file(find("large"), size_of_it, buf, 16, &got), 0);
		assert_int_equal(got, 0);
	}
}

/* ---- hostile ones -------------------------------------------------------- */

static void a_superblock_that_lies(void **state)
{
	static const struct {
		size_t at, width;
		uint64_t value;
		const char *cause;
	} lies[] = {
		{ AT_BLOCK_SIZE, 4, 0, "its superblock is damaged: the size of blocks" },
		{ AT_BLOCK_SIZE, 4, 1u << 31, "its superblock is damaged: the size of blocks" },
		{ AT_BLOCK_LOG, 2, 70, "its superblock is damaged: the size of blocks" },
		{ AT_BLOCK_LOG, 2, 13, "its superblock is damaged: the size of blocks" },
		{ AT_USED, 8, 0, "its superblock is damaged: its size" },
		{ AT_USED, 8, UINT64_MAX, "its superblock is damaged: its size" },
		{ AT_IDS, 2, 0, "its superblock is damaged: the table of ids" },
		{ AT_ID_TABLE, 8, 0, "its superblock is damaged: the table of ids" },
		{ AT_ID_TABLE, 8, UINT64_MAX, "its superblock is damaged: the table of ids" },
		{ AT_FRAGMENTS, 4, UINT32_MAX,
		  "its superblock is damaged: the table of fragments" },
		{ AT_FRAGMENT_TABLE, 8, 1, "its superblock is damaged: the table of fragments" },
		{ AT_INODES, 4, UINT32_MAX, "its superblock is damaged: the table of inodes" },
		{ AT_LOOKUP_TABLE, 8, 0, "its superblock is damaged: the table of inodes" },
		{ AT_XATTR_TABLE, 8, UINT64_MAX - 1,
		  "its superblock is damaged: the table of extended attributes" },
		{ AT_XATTR_TABLE, 8, 96,
		  "its superblock is damaged: the table of extended attributes" },
		{ AT_INODE_TABLE, 8, 0,
		  "its superblock is damaged: where inodes and directories are" },
		{ AT_DIRECTORY_TABLE, 8, 96,
		  "its superblock is damaged: where inodes and directories are" },
		{ AT_ROOT, 8, 0xffff, "its root directory is damaged or cannot be read" },
		{ AT_ROOT, 8, UINT64_MAX, "its root directory is damaged or cannot be read" },
		{ AT_ROOT, 8, 0, "its root directory is damaged or cannot be read" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		seed_load("raw");
		seed_put(lies[i].at, lies[i].value, lies[i].width);
		if (open_bytes() == 0)
			fail_msg("lie %zu is believed", i);
		assert_cause(&err, lies[i].cause);
	}
}

static size_t inode_of(const char *path)
{
	/* Its block is the first one, as it is stored, behind its header. */
	return seed_get(AT_INODE_TABLE) + 2 + (find(path) & 0xffff);
}

static bool go_on(const struct squash_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return true;
}

static int list_root(void)
{
	return squash_readdir(squash, squash_root(squash), 0, go_on, NULL);
}

static void names_that_are_none(void **state)
{
	static const char *const names[] = { "a/b?", "/", "..", ".", "" };
	uint64_t inode;

	(void)state;
	/* 65,536 bytes, where there is room for 256 */
	seed_load("raw");
	seed_put(seed_entry("file") + 6, 0xffff, 2);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(list_root(), EIO);
	assert_int_equal(squash_lookup(squash, squash_root(squash), "file", &inode), EIO);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char text[5] = "";

		seed_load("raw");
		snprintf(text, sizeof(text), "%s", names[i]);
		memcpy(seed.bytes + seed_entry("file") + 8, text, 4);
		if (strlen(names[i]) == 1 || strlen(names[i]) == 2) {
			/* as long as it says */
			seed_put(seed_entry("fifo") + 6, 3, 2);
		}
		assert_int_equal(open_bytes(), 0);
		assert_int_equal(list_root(), EIO);
	}
}

static void an_index_that_lies(void **state)
{
	size_t at;
	uint64_t inode;

	(void)state;
	/* the size of a name, the block, the offset in it */
	for (int what = 0; what < 3; what++) {
		char last[300];

		open_seed("raw-index");
		/* The root's inode, and behind it 40 bytes the first element. */
		at = seed_get(AT_INODE_TABLE) + 2 + (squash_root(squash) & 0xffff) + 40;
		if (what == 0)
			seed_put(at + 8, UINT32_MAX - 1, 4);
		else if (what == 1)
			seed_put(at + 4, UINT32_MAX, 4);
		else
			seed_put(at, 8191, 4);
		assert_int_equal(open_bytes(), 0);
		snprintf(last, sizeof(last), "n%0245d", 35);
		assert_int_equal(squash_lookup(squash, squash_root(squash), last, &inode), EIO);
	}
}

static void inodes_that_lie(void **state)
{
	char *target, buf[64];
	struct stat st;
	size_t got, at;
	uint64_t node, link;

	(void)state;
	open_seed("raw");
	link = find("dir/link");
	seed_put(inode_of("dir/link") + 20, UINT32_MAX, 4);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(squash_stat(squash, link, &st), EIO);
	assert_int_equal(squash_readlink(squash, link, &target), EIO);

	/* files that are larger than any */
	open_seed("raw");
	node = find("file");
	at = inode_of("file") + 24;
	seed_put(at, INT64_MAX, 8);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(squash_stat(squash, node, &st), 0);
	assert_true(st.st_size == INT64_MAX && st.st_blocks == INT64_MAX / 512 + 1);
	assert_int_equal(read_file(node, INT64_MAX - 1, buf, sizeof(buf), &got), EIO);
	seed_put(at, (uint64_t)INT64_MAX + 1, 8);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(squash_stat(squash, node, &st), EIO);

	/* a fragment that is not in the table */
	open_seed("raw-small");
	at = inode_of("f1");
	seed_put(at + 20, 1u << 30, 4);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(read_file(find("f1"), 0, buf, sizeof(buf), &got), EIO);
	seed_put(at + 20, 0, 4);
	seed_put(at + 24, UINT32_MAX, 4);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(read_file(find("f1"), 0, buf, sizeof(buf), &got), EIO);

	/* a file larger than all of its blocks */
	open_seed("raw-nofrag");
	at = inode_of("f1");
	seed_put(at + 28, UINT32_MAX, 4);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(read_file(find("f1"), 0xfffff000, buf, sizeof(buf), &got), EIO);

	/* numbers that nobody has made */
	open_seed("raw");
	assert_int_equal(squash_stat(squash, 0xffff, &st), EIO);
	assert_int_equal(squash_stat(squash, UINT64_MAX, &st), EIO);
	assert_int_equal(squash_stat(squash, (uint64_t)1 << 48, &st), EIO);
	assert_int_equal(squash_stat(squash, (uint64_t)UINT32_MAX << 16, &st), EIO);
}

static void a_directory_that_lies(void **state)
{
	(void)state;
	open_seed("raw");
	/* its offset in the block, then its block */
	for (int what = 0; what < 2; what++) {
		uint64_t empty, root;

		seed_load("raw-small");
		assert_int_equal(open_bytes(), 0);
		root = seed_get(AT_INODE_TABLE) + 2 + (squash_root(squash) & 0xffff);
		seed_put(root + (what ? 16 : 26), 0xffff, 2);
		assert_int_equal(open_bytes(), 0);
		assert_int_equal(list_root(), EIO);
		assert_int_equal(squash_lookup(squash, squash_root(squash), "f1", &empty), EIO);
	}
}

static void attributes_that_lie(void **state)
{
	char buf[64];
	size_t len, head, table, ids, at;
	uint64_t node;

	(void)state;
	open_seed("raw");
	head = seed_get(AT_XATTR_TABLE);
	table = seed_get(head);
	ids = seed_get(head + 16) + 2;
	/* the position of an inode's, then how many: of the first element */
	for (int what = 0; what < 3; what++) {
		open_seed("raw");
		node = find("file");
		for (int i = 0; i < 4; i++) {
			if (what == 0)
				seed_put(ids + (size_t)i * 16, 0xffff, 8);
			else if (what == 1)
				seed_put(ids + (size_t)i * 16, (uint64_t)UINT32_MAX << 16, 8);
			else
				seed_put(ids + (size_t)i * 16 + 8, UINT32_MAX, 4);
		}
		assert_int_equal(open_bytes(), 0);
		assert_int_equal(squash_getxattr(squash, node, "user.none", buf, 64, &len), EIO);
		assert_int_equal(squash_listxattr(squash, node, buf, 64, &len), EIO);
	}
	/* a value elsewhere: far away, and larger than it seemed */
	open_seed("raw");
	at = seed_locate("one", table, seed.size);
	node = find("file");
	seed_put(at - 4, 0x100, 2);
	seed_put(at + 3, 8, 4);
	seed_put(at + 7, 0x1fff, 8);
	assert_int_equal(open_bytes(), 0);
	assert_int_equal(squash_getxattr(squash, node, "user.one", buf, 64, &len), EIO);
}

static int close_it(void **state)
{
	(void)state;
	squash_close(squash);
	close(fd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_compression),
		cmocka_unit_test(holes),
		cmocka_unit_test(attributes),
		cmocka_unit_test(a_directory_with_an_index),
		cmocka_unit_test(a_file_of_many_blocks),
		cmocka_unit_test(a_superblock_that_lies),
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(an_index_that_lies),
		cmocka_unit_test(inodes_that_lie),
		cmocka_unit_test(a_directory_that_lies),
		cmocka_unit_test(attributes_that_lie),
	};

	return cmocka_run_group_tests_name("squash", tests, NULL, close_it);
}
