/* SPDX-License-Identifier: BSD-3-Clause */
/* test_image.c - what is an image and what is not: files, directories, bundles. */
#include "tests/unit/unit.h"

#include <stdbool.h>

#include "common/syscalls.h"
#include "images/image.h"
#include "tests/unit/tree.h"

#define BUNDLE(root) "{ \"ociVersion\": \"1.0.2\", \"root\": { \"path\": \"" root "\" } }"

static struct image image;
static struct error err;

static int open_it(const char *path)
{
	image_done(&image);
	err = (struct error)ERROR_INIT;
	return image_open(&image, path, &err);
}

/* Fills in the tree for each "%s". */
static void expand(char *out, size_t size, const char *text)
{
	const char *at;
	size_t len = 0;

	while ((at = strstr(text, "%s"))) {
		len += (size_t)snprintf(out + len, size - len, "%.*s%s", (int)(at - text), text,
					tree);
		text = at + 2;
	}
	snprintf(out + len, size - len, "%s", text);
}

static void refused(const char *path, const char *cause, const char *remedy)
{
	char expected[ERROR_TEXT_MAX];

	assert_int_equal(open_it(path), -1);
	expand(expected, sizeof(expected), cause);
	assert_cause(&err, expected);
	expand(expected, sizeof(expected), remedy);
	assert_remedy(&err, expected);
}

/* Whether the image's root has a file `name`. */
static bool root_has(const char *name)
{
	return faccessat(image.fd, name, F_OK, 0) == 0;
}

static void put_squashfs(const char *path, char compression, char major, size_t size)
{
	char bytes[4096] = { 'h', 's', 'q', 's' };

	bytes[20] = compression;
	bytes[28] = major;
	bytes[41] = 16; /* 4096 bytes used */
	put_bytes(path, bytes, size);
}

static void squashfs_by_content_not_by_name(void **state)
{
	char path[PATH_MAX + 16];

	(void)state;
	put_squashfs("image.tar.gz", 1, 4, 4096);
	assert_int_equal(open_it("image.tar.gz"), 0);
	assert_int_equal(image.kind, IMAGE_SQUASHFS);
	assert_int_equal(image.offset, 0);
	snprintf(path, sizeof(path), "%s/image.tar.gz", tree);
	assert_string_equal(image.path, path);
	assert_null(image.bundle_config);
}

static void damaged_squashfs(void **state)
{
	(void)state;
	put_squashfs("a", 1, 4, 4095);
	refused("a", "image '%s/a' is truncated: 4095 of 4096 bytes", "copy or make it again");
	put_squashfs("a", 1, 3, 4096);
	refused("a", "image '%s/a' is squashfs 3.0, not 4.0",
		"make it anew with mksquashfs 4.0 or later");
	put_squashfs("a", 99, 4, 4096);
	refused("a",
		"image '%s/a' is compressed with an unknown method, which this build cannot read",
		"mksquashfs DIR NEW.sqfs -comp gzip");
	put_squashfs("a", 1, 4, 95);
	refused("a", "image '%s/a' is neither a squashfs nor a SIF",
		"file %s/a; mksquashfs DIR NEW.sqfs makes an image from a directory");
}

static void other_files(void **state)
{
	(void)state;
	put("b", "");
	refused("b", "image '%s/b' is an empty file", "copy or make it again");
	put("b", "#!/bin/sh\n");
	refused("b", "image '%s/b' is a script, not a squashfs", "srun --container=IMAGE COMMAND");
	put("b", "\x1f\x8b\x08");
	refused("b", "image '%s/b' is a gzip file, not a squashfs",
		"davit image import FILE NEW.sqfs, if it is the tar of a root");
	put("b", "hello");
	refused("b", "image '%s/b' is neither a squashfs nor a SIF",
		"file %s/b; mksquashfs DIR NEW.sqfs makes an image from a directory");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	refused("fifo", "image '%s/fifo' is neither a regular file nor a directory",
		"the path of a squashfs or SIF file, or of a directory");
	refused("gone", "no image '%s/gone' on this node",
		"an absolute path; 'gone' was looked for in the job's working directory");
}

static void tilde_is_home(void **state)
{
	char path[PATH_MAX + 16];

	(void)state;
	assert_int_equal(setenv("HOME", tree, 1), 0);
	put_squashfs("c", 1, 4, 4096);
	assert_int_equal(open_it("~/c"), 0);
	snprintf(path, sizeof(path), "%s/c", tree);
	assert_string_equal(image.path, path);
	assert_int_equal(open_it("~"), 0);
	assert_int_equal(image.kind, IMAGE_DIRECTORY);

	/* All else is taken as it is. */
	put_squashfs("~c", 1, 4, 4096);
	assert_int_equal(open_it("~c"), 0);
	put_squashfs("$HOME-%j", 1, 4, 4096);
	assert_int_equal(open_it("$HOME-%j"), 0);

	assert_int_equal(setenv("HOME", "", 1), 0);
	refused("~/c", "no image '~/c': HOME is not set to tell what '~' is", "an absolute path");
	assert_int_equal(unsetenv("HOME"), 0);
	refused("~/c", "no image '~/c': HOME is not set to tell what '~' is", "an absolute path");
}

static void directory(void **state)
{
	(void)state;
	put("root/hello", "a program without a shell");
	assert_int_equal(open_it("root"), 0);
	assert_int_equal(image.kind, IMAGE_DIRECTORY);
	assert_true(root_has("hello"));
	assert_null(image.bundle_config);
	assert_int_equal(open_it("root/"), 0);

	assert_int_equal(mkdir("empty", 0755), 0);
	refused("empty", "image '%s/empty' is an empty directory",
		"unpack it again, and check that its file system is mounted here");
}

static void layout_is_refused(void **state)
{
	(void)state;
	put("layout/oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}");
	put("layout/index.json", "{}");
	refused("layout", "image '%s/layout' is an OCI layout, whose layers are not unpacked",
		"umoci unpack --rootless --image %s/layout:TAG DIR, then --container=DIR");
}

static void bundle(void **state)
{
	char path[PATH_MAX + 16], config[PATH_MAX + 128];

	(void)state;
	put("bundle/rootfs/hello", "");
	put("bundle/config.json", BUNDLE("rootfs"));
	assert_int_equal(open_it("bundle"), 0);
	assert_int_equal(image.kind, IMAGE_DIRECTORY);
	assert_true(root_has("hello"));
	assert_string_equal(image.bundle_config, BUNDLE("rootfs"));
	snprintf(path, sizeof(path), "%s/bundle", tree);
	assert_string_equal(image.path, path);

	/* An absolute one is the user's choice. */
	put("elsewhere/there", "");
	snprintf(config, sizeof(config),
		 "{\"ociVersion\":\"1\",\"root\":{\"path\":\"%s/elsewhere\"}}", tree);
	put("bundle/config.json", config);
	assert_int_equal(open_it("bundle"), 0);
	assert_true(root_has("there"));

	put("bundle/config.json", BUNDLE("."));
	assert_int_equal(open_it("bundle"), 0);
	assert_true(root_has("config.json"));
}

static void bundle_leads_nowhere_else(void **state)
{
	static const char remedy[] =
		"mend it, or name the root directory itself: --container=%s/evil/rootfs";

	(void)state;
	put("evil/x", "");
	assert_int_equal(symlink("/", "evil/slash"), 0);
	assert_int_equal(symlink("../root", "evil/up"), 0);
	put("evil/config.json", BUNDLE("slash"));
	refused("evil",
		"'config.json' of bundle '%s/evil': its root.path 'slash' leads out of the bundle",
		remedy);
	put("evil/config.json", BUNDLE("slash/usr"));
	refused("evil",
		"'config.json' of bundle '%s/evil': its root.path 'slash/usr' leads out of the bundle",
		remedy);
	put("evil/config.json", BUNDLE("up"));
	refused("evil",
		"'config.json' of bundle '%s/evil': its root.path 'up' leads out of the bundle",
		remedy);
	put("evil/config.json", BUNDLE("../root"));
	refused("evil",
		"'config.json' of bundle '%s/evil': its root.path '../root' leads out of the bundle",
		remedy);
	put("evil/config.json", BUNDLE("gone"));
	refused("evil",
		"'config.json' of bundle '%s/evil': cannot open its root.path 'gone': "
		"No such file or directory",
		remedy);
	put("evil/config.json", BUNDLE("x"));
	refused("evil",
		"'config.json' of bundle '%s/evil': cannot open its root.path 'x': Not a directory",
		remedy);
	put("evil/config.json", "{\"ociVersion\":\"1\"}");
	assert_int_equal(mkdir("evil/rootfs", 0755), 0);
	refused("evil", "'config.json' of bundle '%s/evil': it has no 'root.path'", remedy);
	put("evil/config.json", "{\"ociVersion\":\"1\",\"root\":{\"path\":1}}");
	refused("evil", "'config.json' of bundle '%s/evil': 'root.path' is not a string", remedy);
	put("evil/config.json", BUNDLE("rootfs"));
	refused("evil", "image '%s/evil' is an empty directory",
		"unpack it again, and check that its file system is mounted here");
}

static void config_of_something_else(void **state)
{
	(void)state;
	put("app/config.json", "{\"port\": 80}");
	assert_int_equal(open_it("app"), 0);
	assert_null(image.bundle_config);
	put("app/config.json", "// no JSON at all");
	assert_int_equal(open_it("app"), 0);
	assert_string_equal(err.cause, "");

	/* Beside a "rootfs" it was meant to be one. */
	put("app/rootfs/hello", "");
	assert_int_equal(open_it("app"), -1);
	assert_contains(err.cause, "line 1: ");
}

static int teardown(void **state)
{
	image_done(&image);
	return tree_teardown(state);
}

static int setup(void **state)
{
	image = (struct image)IMAGE_INIT;
	return tree_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(squashfs_by_content_not_by_name),
		cmocka_unit_test(damaged_squashfs),
		cmocka_unit_test(other_files),
		cmocka_unit_test(tilde_is_home),
		cmocka_unit_test(directory),
		cmocka_unit_test(layout_is_refused),
		cmocka_unit_test(bundle),
		cmocka_unit_test(bundle_leads_nowhere_else),
		cmocka_unit_test(config_of_something_else),
	};

	return cmocka_run_group_tests_name("image", tests, setup, teardown);
}
