/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_import.c - layers made in memory, and what they come to as one image.
 *
 * A layer is a list of words, one for each entry: "d PATH", "f PATH TEXT", "l PATH TARGET" (symbolic),
 * "h PATH TARGET" (hard), "c PATH" (a device); "+ NAME" gives those behind it an extended attribute. What is expected is the list of all that is in the
 * image, sorted: "PATH/" for a directory, "PATH=TEXT", "PATH>TARGET".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "images/direct.h"
#include "images/import/import.h"
#include "images/import/merge.h"
#include "images/import/skopeo_error.h"
#include "tests/unit/unit.h"
#include "tests/unit/tree.h"

#define LAYERS 4
#define LIST   4096

static struct error err;
static const char *attribute;
static int fds[LAYERS];
static size_t fd_count;
static uint64_t left_out;

static void add_entry(struct archive *archive, const char *word)
{
	struct archive_entry *entry = archive_entry_new();
	cleanup_free char *copy = strdup(word + 2);
	char *value = strchr(copy, ' ');

	if (attribute)
		archive_entry_xattr_add_entry(entry, attribute, "y", 1);
	if (value)
		*value++ = '\0';
	archive_entry_set_pathname(entry, copy);
	archive_entry_set_perm(entry, 0755);
	archive_entry_set_mtime(entry, 1000000000, 0);
	archive_entry_set_size(entry, 0);
	archive_entry_set_filetype(entry, word[0] == 'd'   ? AE_IFDIR
					  : word[0] == 'l' ? AE_IFLNK
					  : word[0] == 'c' ? AE_IFCHR
							   : AE_IFREG);
	if (word[0] == 'f')
		archive_entry_set_size(entry, (la_int64_t)strlen(value));
	if (word[0] == 'l')
		archive_entry_set_symlink(entry, value);
	if (word[0] == 'h')
		archive_entry_set_hardlink(entry, value);
	assert_true(archive_write_header(archive, entry) >= ARCHIVE_WARN);
	if (word[0] == 'f')
		assert_int_equal(archive_write_data(archive, value, strlen(value)), strlen(value));
	archive_entry_free(entry);
}

static void add_layer(const char *const *words)
{
	int fd = memfd_create("layer", MFD_CLOEXEC);
	struct archive *archive = archive_write_new();

	assert_true(fd >= 0 && fd_count < LAYERS);
	assert_int_equal(archive_write_set_format_pax(archive), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(archive, fd), ARCHIVE_OK);
	for (attribute = NULL; *words; words++)
		if (words[0][0] == '+')
			attribute = *words + 2;
		else
			add_entry(archive, *words);
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
	fds[fd_count++] = fd;
}

#define LAYER(...) add_layer((const char *const[]){ __VA_ARGS__, NULL })

static int open_fd(struct layers *layers, size_t index, struct error *error)
{
	int fd = dup(fds[index]);

	(void)layers, (void)error;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int import(const char *path, const char *config)
{
	static const struct pack_options options;
	struct merge merge = { .pack = &options, .path = path };
	struct layers *layers = calloc(1, sizeof(*layers));
	int result;

	err = (struct error)ERROR_INIT;
	layers->count = fd_count;
	layers->has_whiteouts = true;
	layers->open = open_fd;
	for (size_t i = 0; i < fd_count; i++)
		layers->list[i].size = -1;
	if (config) {
		layers->config = strdup(config);
		layers->config_size = strlen(config);
	}
	result = merge_layers(&merge, layers, &err);
	left_out = merge.left_out;
	layers_done(layers);
	free(layers);
	for (size_t i = 0; i < fd_count; i++)
		close(fds[i]);
	fd_count = 0;
	return result;
}

static char image_text[LIST];

/* unsquashfs knows best what is in an image. */
static void list_image(const char *image)
{
	char command[PATH_MAX + 400];
	FILE *pipe;
	size_t len;

	snprintf(command, sizeof(command),
		 "rm -rf out; unsquashfs -q -n -no-xattrs -d out '%s' >/dev/null && cd out && "
		 "find . -mindepth 1 \\( -type d -printf '%%P/ ' -o -type l -printf '%%P>%%l ' "
		 "-o -type f -printf '%%P=' -exec cat {} \\; -printf ' ' \\)"
		 " | tr ' ' '\\n' | LC_ALL=C sort | tr '\\n' ' '",
		 image);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(image_text, 1, sizeof(image_text) - 1, pipe);
	image_text[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
	while (len > 0 && image_text[len - 1] == ' ')
		image_text[--len] = '\0';
}

#define EXPECT(list)                                   \
	do {                                           \
		if (import("image", NULL) < 0)         \
			fail_msg("%s", err.cause);     \
		list_image("image");                   \
		assert_string_equal(image_text, list); \
	} while (0)

#define REFUSED(text)                                          \
	do {                                                   \
		assert_int_equal(import("refused", NULL), -1); \
		assert_cause(&err, text);                      \
		assert_int_equal(access("refused", F_OK), -1); \
	} while (0)

static void test_whiteouts(void **state)
{
	(void)state;
	LAYER("d a", "f a/one 1", "f a/two 2", "f b 3", "d c", "f c/x 4");
	LAYER("f a/.wh.one ", "f .wh.b ", "f .wh.c ", "f .wh.nothing ", "f no/dir/.wh.x ");
	EXPECT("a/ a/two=2");
	/* Of lower layers only, wherever in the layer it stands. */
	LAYER("f a 1", "d d", "f d/x 1");
	LAYER("f a 2", "f .wh.a ", "f d/y 2", "f .wh.d ");
	EXPECT("a=2 d/ d/y=2");
	/* A directory that is made again starts empty. */
	LAYER("d d", "f d/x 1");
	LAYER("f .wh.d ");
	LAYER("d d");
	EXPECT("d/");
}

static void test_opaque(void **state)
{
	(void)state;
	LAYER("d d", "f d/x 1", "d d/e", "f d/e/y 1", "f z 1");
	LAYER("f d/new 2", "d d", "f d/.wh..wh..opq ");
	EXPECT("d/ d/new=2 z=1");
	LAYER("f x 1", "d d");
	LAYER("f .wh..wh..opq ", "f y 2");
	EXPECT("y=2");
	/* aufs's own names are nobody's files. */
	LAYER("d .wh..wh.plnk", "f .wh..wh.plnk/12 x", "f .wh..wh.aufs x", "f a 1");
	EXPECT("a=1");
}

static void test_replaced(void **state)
{
	(void)state;
	LAYER("d d", "f d/x 1", "f f 1");
	LAYER("f d 2", "d f", "f f/y 2");
	EXPECT("d=2 f/ f/y=2");
	/* Entries of a name twice: the last. */
	LAYER("f a 1", "f a 22", "f b 1", "d b", "f b/x 1", "d c", "f c/x 1", "l c b");
	EXPECT("a=22 b/ b/x=1 c>b");
	LAYER("f ./a 1", "f //b 2", "f c//./d 3", "d ./");
	EXPECT("a=1 b=2 c/ c/d=3");
	/* What is left out takes the place of what was there, too. */
	LAYER("f a 1", "f b 1");
	LAYER("c a");
	EXPECT("b=1");
	assert_int_equal(left_out, 1);
}

static void test_hard_links(void **state)
{
	struct stat a, b;

	(void)state;
	LAYER("f a text", "h b a");
	LAYER("h c b", "h c c", "f .wh.a ");
	EXPECT("b=text c=text");
	assert_int_equal(stat("out/b", &a), 0);
	assert_int_equal(stat("out/c", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	/* The target is what it was when the link was made. */
	LAYER("f a old", "h b a");
	LAYER("f a new");
	EXPECT("a=new b=old");
	LAYER("l s x", "h t s");
	EXPECT("s>x t>x");
	LAYER("f a 1", "h b nothing");
	REFUSED("layer 1 of 1: 'b': a hard link to 'nothing', which is not there");
	LAYER("d a", "h b a");
	REFUSED("layer 1 of 1: 'b': a hard link to 'a', which is a directory");
	LAYER("f d/e/x 1", "h d d/e/x");
	REFUSED("layer 1 of 1: 'd': a hard link to 'd/e/x', whose directory it replaces");
	LAYER("f a 1", "h b ../../a");
	REFUSED("layer 1 of 1: 'b': a hard link to it: '../../a' leads out of the image");
}

static void test_links_above(void **state)
{
	(void)state;
	LAYER("d usr/lib", "l lib usr/lib", "l abs /usr/lib", "l up ../../..");
	LAYER("f lib/a 1", "f abs/b 2", "f up/c 3");
	EXPECT("abs>/usr/lib c=3 lib>usr/lib up>../../.. usr/ usr/lib/ usr/lib/a=1 usr/lib/b=2");
	LAYER("l lib usr/lib");
	LAYER("d lib", "f lib/a 1");
	EXPECT("lib/ lib/a=1");
	LAYER("l a b", "l b a", "f a/x 1");
	REFUSED("layer 1 of 1: 'a/x': 'a': Too many levels of symbolic links");
	LAYER("f a 1", "f a/b 2");
	REFUSED("layer 1 of 1: 'a/b': 'a' is not a directory");
}

static void expect_attributes(const struct direct *direct, const char *path, const char *list)
{
	struct direct_place place;
	char names[100] = "";
	size_t len;

	assert_int_equal(direct_find(direct, path, true, &place), 0);
	assert_int_equal(
		squash_listxattr_all(direct->squash, place.inode, names, sizeof(names), &len), 0);
	assert_string_equal(names, list);
}

static void test_attributes(void **state)
{
	struct image image = IMAGE_INIT;
	struct direct direct = { .squash = NULL };

	(void)state;
	LAYER("+ user.overlay.opaque", "d over", "f over/1 1", "+ user.mine", "d own", "f own/1 1",
	      "+ security.capability", "f cap 1", "+ security.selinux", "f other 1", "+ trusted.x",
	      "f trusted 1");
	EXPECT("cap=1 other=1 over/ over/1=1 own/ own/1=1 trusted=1");
	assert_int_equal(image_open(&image, "image", &err), 0);
	assert_int_equal(direct_open(&direct, &image, &err), 0);
	expect_attributes(&direct, "own", "user.mine");
	expect_attributes(&direct, "own/1", "user.mine");
	expect_attributes(&direct, "cap", "security.capability");
	expect_attributes(&direct, "over", "");
	expect_attributes(&direct, "over/1", "");
	expect_attributes(&direct, "other", "");
	expect_attributes(&direct, "trusted", "");
	direct_close(&direct);
	image_done(&image);
}

static void test_hostile_names(void **state)
{
	char name[6000];

	(void)state;
	LAYER("f ../x 1");
	REFUSED("layer 1 of 1: '../x' leads out of the image");
	LAYER("f a/../../x 1");
	REFUSED("layer 1 of 1: 'a/../../x' leads out of the image");
	LAYER("d a", "f a/.wh... 1");
	REFUSED("layer 1 of 1: 'a/.wh...': a whiteout of '..'");
	LAYER("f .wh. 1");
	REFUSED("layer 1 of 1: '.wh.': a whiteout of ''");
	LAYER("l . x");
	REFUSED("layer 1 of 1: '.': the root of the image is not a directory");
	LAYER("f /etc/passwd 1");
	EXPECT("etc/ etc/passwd=1");
	LAYER("f caf\xe9 1", "f caf\xc3\xa9 2", "f cafe\xcc\x81 3");
	EXPECT("cafe\xcc\x81=3 caf\xc3\xa9=2 caf\xe9=1");
	memset(name, 'x', sizeof(name));
	memcpy(name, "f ", 2);
	strcpy(name + 2 + 256, " 1");
	LAYER(name);
	assert_int_equal(import("refused", NULL), -1);
	assert_contains(err.cause, "File name too long");
	memset(name, 'x', sizeof(name));
	memcpy(name, "f ", 2);
	for (size_t i = 102; i < 5000; i += 100)
		name[i] = '/';
	strcpy(name + 5000, " 1");
	LAYER(name);
	assert_int_equal(import("refused", NULL), -1);
	assert_contains(err.cause, "File name too long");
}

static void test_config(void **state)
{
	(void)state;
	LAYER("l .davit elsewhere", "f a 1");
	assert_int_equal(import("image", "{}"), 0);
	list_image("image");
	assert_string_equal(image_text, ".davit/ .davit/config.json={} a=1");
	LAYER("d .davit", "d .davit/config.json", "f .davit/config.json/x 1", "f .davit/y 2");
	assert_int_equal(import("image", "{}"), 0);
	list_image("image");
	assert_string_equal(image_text, ".davit/ .davit/config.json={} .davit/y=2");
}

static void test_broken(void **state)
{
	(void)state;
	LAYER("f a and some text, which is cut off");
	assert_int_equal(ftruncate(fds[0], 520), 0);
	assert_int_equal(import("refused", NULL), -1);
	assert_contains(err.cause, "layer 1 of 1: ");
	LAYER("f a 1");
	assert_int_equal(pwrite(fds[0], "no tar at all", 13, 0), 13);
	assert_int_equal(import("refused", NULL), -1);
	assert_contains(err.cause, "layer 1 of 1: ");
	assert_int_equal(access("refused", F_OK), -1);
	fds[fd_count++] = memfd_create("empty", MFD_CLOEXEC);
	LAYER("f a 1");
	EXPECT("a=1");
}

static void test_names(void **state)
{
	static const char *const cases[][2] = {
		{ "docker://alpine", "alpine.sqfs" },
		{ "docker://alpine:3.18", "alpine+3.18.sqfs" },
		{ "docker://host:5000/a/b/c:tag", "c+tag.sqfs" },
		{ "docker://host:5000/a/b/c", "c.sqfs" },
		{ "docker://a/b@sha256:00", "b.sqfs" },
		{ "docker-daemon:app:1", "app+1.sqfs" },
		{ "oci:some/dir:one", "dir+one.sqfs" },
		{ "oci:some/dir/", "dir.sqfs" },
		{ "docker-archive:/x/save.tar.gz", "save.sqfs" },
		{ "/x/root.tar.zst", "root.sqfs" },
		{ "/x/image.sif", "image.sqfs" },
		{ "dir/", "dir.sqfs" },
	};
	static const char *const bad[] = { "-", ".", "/", "..", "docker://" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		cleanup_free char *name = import_name(cases[i][0], &err);

		assert_non_null(name);
		assert_string_equal(name, cases[i][1]);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_null(import_name(bad[i], &err));
		assert_remedy(&err, "davit image import SOURCE FILE.sqfs");
	}
}

static void test_what_skopeo_says(void **state)
{
	static const struct {
		const char *text, *reference, *cause, *remedy;
	} cases[] = {
		{ "reading manifest: toomanyrequests: You have reached your pull rate limit",
		  "docker://alpine",
		  "reading manifest: toomanyrequests: You have reached your "
		  "pull rate limit",
		  "some minutes later again, or skopeo login docker.io" },
		{ "time=\"x\" level=fatal msg=\"unauthorized: authentication required\"",
		  "docker://r.org/x", "unauthorized: authentication required",
		  "skopeo login r.org, and check the name" },
		{ "x509: unknown authority", "docker://r.org/x", "x509: unknown authority",
		  "--tls-verify=false, if you trust the network up to r.org" },
		{ "no image found in manifest list for architecture s390x", "oci:x",
		  "no image found in manifest list for architecture s390x",
		  "--arch= one that it has" },
		{ "dial tcp: i/o timeout\nmore", "docker://r.org:80/x", "dial tcp: i/o timeout",
		  "again, when this node reaches r.org:80; a proxy is taken from $https_proxy" },
		{ "no such thing", "docker-archive:x", "no such thing", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		err = (struct error)ERROR_INIT;
		assert_int_equal(skopeo_error(cases[i].text, cases[i].reference, &err), -1);
		assert_cause(&err, cases[i].cause);
		assert_remedy(&err, cases[i].remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whiteouts),        cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_replaced),         cmocka_unit_test(test_hard_links),
		cmocka_unit_test(test_links_above),      cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_attributes),       cmocka_unit_test(test_config),
		cmocka_unit_test(test_broken),           cmocka_unit_test(test_names),
		cmocka_unit_test(test_what_skopeo_says),
	};

	if (libarchive_open(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
