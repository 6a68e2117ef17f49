/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ldcache.c - caches that ldconfig has made: read, changed, and read by ldconfig again. */
#include "tests/unit/unit.h"

#include <elf.h>

#include "launcher/mpi/elf_file.h"
#include "launcher/mpi/ldcache.h"
#include "tests/unit/compile.h"

#define LDCONFIG "/sbin/ldconfig"

static struct ldcache cache;
static struct error err;
static uint32_t native; /* the flags of this machine */

/* Makes the cache "cache" in one of ldconfig's formats, of what "libs" has. */
static void make_cache(const char *format)
{
	cleanup_free char *text = NULL;

	put("conf", "/libs\n");
	assert_true(asprintf(&text, LDCONFIG " -X -r '%s' -f /conf -C /cache -c %s", tree, format) >
		    0);
	command(text);
}

static int setup(void **state)
{
	cleanup_close int fd = -1;
	struct elf_file elf;

	if (tree_setup(state) < 0)
		return -1;
	(void)mkdir("libs", 0755);
	for (int i = 0; i < 12; i++) {
		char flags[128];

		snprintf(flags, sizeof(flags), "-shared -o libs/libx.so.%d -Wl,-soname,libx.so.%d",
			 i, i);
		compile("int x;", flags);
	}
	compile("int y;", "-shared -o libs/liby-1a.so.1 -Wl,-soname,liby-1a.so.1");
	compile("int y;", "-shared -o libs/liby-10.so.1 -Wl,-soname,liby-10.so.1");
	compile("int y;", "-shared -o libs/libY.so -Wl,-soname,libY.so");
	fd = open("libs/libY.so", O_RDONLY | O_CLOEXEC);
	if (elf_file_read(&elf, fd, ELF_HEAD, &err) < 0)
		return -1;
	native = ldcache_flags(elf.class, elf.machine);
	elf_file_done(&elf);
	return 0;
}

static int teardown(void **state)
{
	ldcache_done(&cache);
	return tree_teardown(state);
}

static char *content(const char *path, size_t *len)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd_read_all(fd, 1 << 24, len);

	assert_non_null(text);
	return text;
}

static int parse(const void *data, size_t len)
{
	ldcache_done(&cache);
	err = (struct error)ERROR_INIT;
	return ldcache_parse(&cache, data, len, &err);
}

static void parse_file(const char *path)
{
	size_t len;
	cleanup_free char *text = content(path, &len);

	assert_int_equal(parse(text, len), 0);
}

static void write_cache(const char *path)
{
	size_t len;
	cleanup_free void *text = ldcache_format(&cache, &len, &err);

	assert_non_null(text);
	put_bytes(path, text, len);
}

static void refused(const void *data, size_t len, const char *cause)
{
	assert_int_equal(parse(data, len), -1);
	assert_cause(&err, cause);
	assert_int_equal(cache.count, 0);
}

/* What ldconfig says is in a cache; the lines that name the file and who made it are left out. */
static char *listed(const char *path)
{
	cleanup_free char *text = NULL;
	size_t len;

	assert_true(asprintf(&text, LDCONFIG " -p -C %s | grep '=>' >listed", path) > 0);
	command(text);
	return content("listed", &len);
}

static const struct ldcache_entry *find(const char *soname)
{
	for (size_t i = 0; i < cache.count; i++)
		if (strcmp(cache.items[i].soname, soname) == 0)
			return &cache.items[i];
	return NULL;
}

static void same_as_ldconfig(const char *format)
{
	cleanup_free char *before = NULL, *after = NULL;

	make_cache(format);
	parse_file("cache");
	assert_int_equal(cache.count, 15);
	assert_int_equal(find("libx.so.7")->flags, native);
	assert_null(find("libx.so.7")->hwcaps);
	assert_string_equal(find("libx.so.7")->path, "/libs/libx.so.7");
	write_cache("again");
	before = listed("cache");
	after = listed("again");
	assert_string_equal(before, after);
	assert_contains(after, "libx.so.10 (libc6");
}

static void new_format(void **state)
{
	(void)state;
	same_as_ldconfig("new");
}

static void new_format_behind_the_old(void **state)
{
	(void)state;
	same_as_ldconfig("compat");
}

/* Those for better processors stay, with their names. */
static void hardware_capabilities(void **state)
{
	const char *const names[] = { "x86-64-v2", "x86-64-v3", "z14", "power9" };
	cleanup_free char *before = NULL, *after = NULL;
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		cleanup_free char *path = NULL;

		assert_true(asprintf(&path,
				     "mkdir -p libs/glibc-hwcaps/%s && cp libs/libx.so.1 "
				     "libs/libY.so libs/glibc-hwcaps/%s",
				     names[i], names[i]) > 0);
		command(path);
	}
	make_cache("new");
	parse_file("cache");
	for (size_t i = 0; i < cache.count; i++)
		found += cache.items[i].hwcaps != NULL;
	assert_int_equal(found, 2 * COUNT_OF(names));
	/* Before the one for any processor. */
	assert_string_equal(find("libx.so.1")->hwcaps, "power9");
	write_cache("again");
	before = listed("cache");
	after = listed("again");
	assert_string_equal(before, after);
	assert_contains(after, "hwcap: \"x86-64-v3\"");

	/* One that is added must not lose against them. */
	assert_int_equal(ldcache_add(&cache, "libx.so.1", "/host/libx.so.1", native, &err), 0);
	assert_null(find("libx.so.1")->hwcaps);
	assert_string_equal(find("libx.so.1")->path, "/host/libx.so.1");
	assert_non_null(find("libY.so")->hwcaps);
	command("rm -r libs/glibc-hwcaps");
}

static void adding(void **state)
{
	cleanup_free char *after = NULL;

	(void)state;
	make_cache("new");
	parse_file("cache");
	assert_int_equal(ldcache_add(&cache, "libx.so.3", "/host/libx.so.3", native, &err), 0);
	assert_int_equal(cache.count, 15);
	assert_int_equal(ldcache_add(&cache, "libz.so.1", "/host/libz.so.1", native, &err), 0);
	assert_int_equal(cache.count, 16);
	/* For another architecture: both stay. */
	assert_int_equal(ldcache_add(&cache, "libz.so.1", "/32/libz.so.1", native ^ 0x4000, &err),
			 0);
	assert_int_equal(cache.count, 17);
	write_cache("more");
	after = listed("more");
	assert_contains(after, "=> /host/libx.so.3\n");
	assert_contains(after, "=> /host/libz.so.1\n");
	assert_contains(after, "=> /32/libz.so.1\n");
	assert_null(strstr(after, "=> /libs/libx.so.3\n"));
	assert_contains(after, "=> /libs/libx.so.4\n");
}

/* Of two with the same name the one that was first stays so. */
static void order_of_the_same(void **state)
{
	struct ldcache_entry same[] = {
		{ .soname = CHARS("liba.so"), .path = CHARS("/1"), .flags = 3 },
		{ .soname = CHARS("libb.so"), .path = CHARS("/2"), .flags = 3 },
		{ .soname = CHARS("liba.so"), .path = CHARS("/3"), .flags = 3 },
		{ .soname = CHARS("liba.so"), .path = CHARS("/4"), .flags = 0x303 },
	};
	const struct ldcache made = { .items = same, .count = COUNT_OF(same) };
	const char *const expected[] = { "/2", "/4", "/1", "/3" };
	size_t len;
	cleanup_free void *text = ldcache_format(&made, &len, &err);

	(void)state;
	assert_int_equal(parse(text, len), 0);
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		assert_string_equal(cache.items[i].path, expected[i]);
}

static void an_empty_cache(void **state)
{
	cleanup_free char *after = NULL;

	(void)state;
	assert_int_equal(parse("", 0), 0);
	assert_int_equal(cache.count, 0);
	write_cache("nothing");
	parse_file("nothing");
	assert_int_equal(cache.count, 0);
	assert_int_equal(ldcache_add(&cache, "liba.so", "/liba.so", native, &err), 0);
	write_cache("one");
	after = listed("one");
	assert_contains(after, "liba.so (libc6");
}

/* The order in which ld.so searches. */
static void comparison(void **state)
{
	static const char *const descending[] = { "libx.so.100", "libx.so.11", "libx.so.9",
						  "libx.so.1",   "libx.so.b",  "libx.so",
						  "libx-1.so",   "libx",       "lib" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(descending); i++)
		for (size_t j = 0; j < COUNT_OF(descending); j++) {
			int order = ldcache_compare(descending[i], descending[j]);

			assert_int_equal((order > 0) - (order < 0), (i < j) - (i > j));
		}
	assert_int_equal(ldcache_compare("libx.so.01", "libx.so.1"), 0);
	assert_int_equal(ldcache_compare("libx.so.4294967297", "libx.so.1"), 0);
}

static void damaged(void **state)
{
	cleanup_free char *text = NULL;
	uint32_t many = 0xffffffff;
	size_t len;

	(void)state;
	make_cache("new");
	text = content("cache", &len);
	refused("something else", 14,
		"damaged ld.so.cache: not in the format of glibc 2.2 and later");
	refused("ld.so-1.7.0\0\xff\xff\xff\xff", 16,
		"damaged ld.so.cache: not in the format of glibc 2.2 and later");
	refused(text, 47, "damaged ld.so.cache: not in the format of glibc 2.2 and later");
	refused(text, 100, "damaged ld.so.cache: too many entries");

	text[28] ^= 1;
	refused(text, len, "damaged ld.so.cache: made for another byte order");
	text[28] ^= 1;
	memcpy(text + 32, &many, sizeof(many));
	refused(text, len, "damaged ld.so.cache: its extensions");
	memset(text + 32, 0, sizeof(many));
	assert_int_equal(parse(text, len), 0);
	assert_int_equal(cache.count, 15);
	/* An entry that points nowhere. */
	memcpy(text + 48 + 4, &many, sizeof(many));
	assert_int_equal(parse(text, len), 0);
	assert_int_equal(cache.count, 14);
	memcpy(text + 20, &many, sizeof(many));
	refused(text, len, "damaged ld.so.cache: too many entries");
}

/* Entries may share their strings, so a small file would take much memory. */
static void shared_strings_are_bounded(void **state)
{
	const size_t count = 40000, size = 48 + count * 24 + 4000;
	cleanup_free char *text = calloc(1, size);
	uint32_t number = (uint32_t)count, at = (uint32_t)(size - 4000);

	(void)state;
	assert_non_null(text);
	snprintf(text, size, "glibc-ld.so.cache1.1");
	memcpy(text + 20, &number, sizeof(number));
	memset(text + at, 'a', 3999);
	for (size_t i = 0; i < count; i++)
		memcpy(text + 48 + i * 24 + 4, (uint32_t[]){ at, at }, 2 * sizeof(at));
	refused(text, size, "damaged ld.so.cache: its strings are too long");
}

static void flags(void **state)
{
	(void)state;
	assert_int_equal(ldcache_flags(ELFCLASS64, EM_X86_64), 0x0303);
	assert_int_equal(ldcache_flags(ELFCLASS64, EM_AARCH64), 0x0a03);
	assert_int_equal(ldcache_flags(ELFCLASS32, EM_386), 0x0003);
	assert_int_equal(ldcache_flags(ELFCLASS32, EM_AARCH64), 0);
	assert_int_equal(ldcache_flags(ELFCLASS64, EM_VAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_format),
		cmocka_unit_test(new_format_behind_the_old),
		cmocka_unit_test(hardware_capabilities),
		cmocka_unit_test(adding),
		cmocka_unit_test(order_of_the_same),
		cmocka_unit_test(an_empty_cache),
		cmocka_unit_test(comparison),
		cmocka_unit_test(damaged),
		cmocka_unit_test(shared_strings_are_bounded),
		cmocka_unit_test(flags),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
