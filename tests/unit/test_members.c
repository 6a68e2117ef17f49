/* SPDX-License-Identifier: BSD-3-Clause */
/* test_members.c - files in tars that tar(1) has made, or somebody who means harm; and what docker save writes. */
#include "tests/unit/unit.h"
#include "tests/unit/tree.h"

#include <signal.h>
#include <stdlib.h>

#include "images/import/layers.h"
#include "images/import/members.h"

static struct error err;

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static struct members *open_tar(const char *path)
{
	err = (struct error)ERROR_INIT;
	return members_open(open(path, O_RDONLY | O_CLOEXEC), &err);
}

/* Makes t.tar by a command in which $T is tar(1) with its form. */
static struct members *make(const char *command)
{
	struct members *members;

	run("rm -rf t.tar");
	run(command);
	members = open_tar("t.tar");
	if (!members)
		fail_msg("%s: %s", command, err.cause);
	return members;
}

static void expect(struct members *members, const char *name, const char *text)
{
	cleanup_free char *found = NULL, *streamed = NULL;
	char head[2];
	size_t len = 0;
	int fd;

	found = members_read(members, name, 1 << 20, &len, &err);
	if (!found)
		fail_msg("%s", err.cause);
	assert_string_equal(found, text);
	assert_int_equal(len, strlen(text));
	assert_int_equal(members_size(members, name, &err), len);
	assert_int_equal(members_peek(members, name, head, sizeof(head)), len < 2 ? len : 2);
	assert_memory_equal(head, text, len < 2 ? len : 2);
	fd = members_stream(members, name, &err);
	assert_true(fd >= 0);
	streamed = fd_read_all(fd, 1 << 20, &len);
	close(fd);
	assert_non_null(streamed);
	assert_string_equal(streamed, text);
	assert_int_equal(members_end(members, &err), 0);
}

static void refuse(struct members *members, const char *name, const char *cause)
{
	size_t len;

	err = (struct error)ERROR_INIT;
	assert_null(members_read(members, name, 1 << 20, &len, &err));
	assert_contains(err.cause, cause);
	assert_int_equal(members_stream(members, name, &err), -1);
	assert_int_equal(members_size(members, name, &err), -1);
}

static void test_forms(void **state)
{
	static const char *const forms[] = { "posix", "gnu", "ustar", "v7" };
	char command[1024];

	(void)state;
	run("mkdir -p d/e; printf one >d/one; printf two >d/e/two; : >d/empty; head -c 100000 /dev/zero | tr '\\0' x >d/big");
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct members *members;
		cleanup_free char *big = NULL;
		size_t len;

		snprintf(command, sizeof(command),
			 "tar --format=%s -C d -cf t.tar big one empty ./e/two", forms[i]);
		members = make(command);
		expect(members, "one", "one");
		expect(members, "e/two", "two");
		expect(members, "./e//two", "two");
		expect(members, "empty", "");
		assert_true(members_have(members, "one"));
		assert_false(members_have(members, "two"));
		big = members_read(members, "big", 100000, &len, &err);
		assert_non_null(big);
		assert_int_equal(len, 100000);
		assert_int_equal(strspn(big, "x"), 100000);
		assert_null(members_read(members, "big", 99999, &len, &err));
		assert_contains(err.cause,
				"'big' of the archive has 100000 bytes, more than 99999");
		refuse(members, "two", "there is no 'two' in the archive");
		refuse(members, "e", "there is no 'e' in the archive");
		members_free(members);
	}
}

/* Headers before headers: where the bytes begin is not where the entry does. */
static void test_long_names(void **state)
{
	char name[300], command[1024];
	struct members *members;

	(void)state;
	memset(name, 'n', sizeof(name));
	memcpy(name + 140, "/", 1);
	name[280] = '\0';
	for (int i = 0; i < 2; i++) {
		snprintf(command, sizeof(command),
			 "rm -rf l; mkdir -p l/%.140s && printf long >l/%s && printf end >l/end && "
			 "tar --format=%s -C l -cf t.tar %s end",
			 name, name, i ? "gnu" : "posix --pax-option=comment=much", name);
		members = make(command);
		expect(members, name, "long");
		expect(members, "end", "end");
		members_free(members);
	}
}

static void test_too_long(void **state)
{
	struct members *members;

	(void)state;
	members = make(
		"printf one >one; printf two >two; tar --format=posix "
		"--transform=\"s,^one$,$(head -c 5000 /dev/zero | tr '\\0' n),\" -cf t.tar one two");
	expect(members, "two", "two");
	members_free(members);
}

/* The old header has no room for that size. */
static void test_large(void **state)
{
	static const char *const options[] = {
		"--format=posix --pax-option=delete=atime,delete=ctime", "--format=gnu"
	};
	static const int heads[] = { 1536, 512 };
	char command[1024];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(options); i++) {
		struct members *members;

		snprintf(
			command, sizeof(command),
			"truncate -s 9G large && printf after >after && tar %s -cf - large 2>/dev/null | head -c %d >t.tar && "
			"truncate -s +9G t.tar && tar -cf - after >>t.tar; rm large",
			options[i], heads[i]);
		members = make(command);
		assert_true(members_size(members, "large", &err) == (int64_t)9 << 30);
		expect(members, "after", "after");
		members_free(members);
		run("truncate -s 9G t.tar");
		assert_null(open_tar("t.tar"));
		assert_contains(err.cause, "the archive ends within 'large'");
	}
}

/* What is behind it may be anything, another tar too. */
static void test_damaged_header(void **state)
{
	(void)state;
	run("printf inner >name && tar -cf inner name && printf outer >name && tar -cf t.tar name inner && "
	    "printf x | dd of=t.tar bs=1 seek=1030 conv=notrunc status=none");
	assert_null(open_tar("t.tar"));
	assert_contains(err.cause, "the archive is damaged");
	assert_string_equal(err.remedy, "get it again, or ask who has made it");
}

static void test_links(void **state)
{
	struct members *members;

	(void)state;
	run("rm -rf k; mkdir -p k/a k/b; printf layer >k/a/layer.tar; ln -s ../a/layer.tar k/b/layer.tar; "
	    "ln k/a/layer.tar k/hard; ln -s ../../out k/b/out; ln -s loop k/loop; ln -s /a/layer.tar k/top");
	members = make("tar -C k -cf t.tar .");
	expect(members, "b/layer.tar", "layer");
	expect(members, "hard", "layer");
	expect(members, "a/layer.tar", "layer");
	expect(members, "top", "layer");
	refuse(members, "b/out", "or leads out of it");
	refuse(members, "loop", "there is no 'loop' in the archive");
	members_free(members);
}

static void test_twice(void **state)
{
	struct members *members;

	(void)state;
	run("mkdir -p d; printf old >d/f");
	members = make("tar -C d -cf t.tar f && printf new >d/f && tar -C d -rf t.tar f");
	expect(members, "f", "new");
	members_free(members);
}

static void test_holes(void **state)
{
	struct members *members;

	(void)state;
	run("truncate -s 1M s; printf end >>s; printf after >after");
	members = make("tar --sparse -cf t.tar s after");
	refuse(members, "s", "stored with holes");
	expect(members, "after", "after");
	members_free(members);
	members = make("tar --sparse --format=posix -cf t.tar s after");
	refuse(members, "s", "stored with holes");
	expect(members, "after", "after");
	members_free(members);
}

static void test_bad(void **state)
{
	struct members *members;

	(void)state;
	run("printf text >text; mkdir -p q; tar -P --transform 's,^,../,' -cf t.tar text");
	assert_null(open_tar("t.tar"));
	assert_cause(&err, "'../text' leads out of the archive");
	members = make("tar -P --transform 's,^,/a/,' -cf t.tar text");
	expect(members, "a/text", "text");
	members_free(members);
	run("tar -cf t.tar text && truncate -s 514 t.tar");
	assert_null(open_tar("t.tar"));
	assert_cause(&err, "the archive ends within 'text'");
	assert_remedy(&err, "get it again: it was cut off");
	run("head -c 700 /dev/zero | tr '\\0' z >t.tar");
	assert_null(open_tar("t.tar"));
	assert_cause(&err, "it is not a tar");
	run(": >t.tar");
	assert_null(open_tar("t.tar"));
	assert_cause(&err, "it is empty");
	/* A size of which the sum is right: 2^62, and what is less than nothing. */
	for (int i = 0; i < 2; i++) {
		run(i ? "perl -e '$h = pack(\"a100 a24 a12 a12 a8 a356\", \"x\", \"0000644\\0\" x 3, "
			"\"\\xff\" x 12, \"00000000000\\0\", \" \" x 8, \"0\"); "
			"substr($h, 148, 8) = sprintf(\"%06o\\0 \", unpack(\"%32C*\", $h)); print $h, \"\\0\" x 1024' >t.tar"
		      : "perl -e '$h = pack(\"a100 a24 a12 a12 a8 a356\", \"x\", \"0000644\\0\" x 3, "
			"\"\\x80\\0\\0\\0\\x40\" . \"\\0\" x 7, \"00000000000\\0\", \" \" x 8, \"0\"); "
			"substr($h, 148, 8) = sprintf(\"%06o\\0 \", unpack(\"%32C*\", $h)); print $h, \"\\0\" x 1024' >t.tar");
		assert_null(open_tar("t.tar"));
		assert_true(err.cause[0]);
	}
}

/* Who reads no more gets on, and SIGPIPE harms nobody. */
static void test_closed_early(void **state)
{
	struct members *members;
	char byte;
	int fd;

	(void)state;
	members = make("head -c 8M /dev/zero >z && tar -cf t.tar z");
	fd = members_stream(members, "z", &err);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	assert_int_equal(members_end(members, &err), 0);
	fd = members_stream(members, "z", &err);
	assert_true(fd >= 0);
	assert_int_equal(truncate("t.tar", 1 << 20), 0);
	while (read(fd, &byte, 1) > 0 && lseek(fd, 0, SEEK_CUR) < 0)
		if (read(fd, (char[65536]){ 0 }, 65536) <= 0)
			break;
	close(fd);
	assert_int_equal(members_end(members, &err), -1);
	assert_cause(&err, "the archive has become shorter");
	members_free(members);
}

static int open_saved(const char *name)
{
	struct layers *layers = calloc(1, sizeof(*layers));
	int result;

	err = (struct error)ERROR_INIT;
	result = layers_open_saved(layers, open("t.tar", O_RDONLY | O_CLOEXEC), name, &err);
	if (result == 0)
		result = (int)layers->count;
	layers_done(layers);
	free(layers);
	return result;
}

#define DIGEST      "sha256:0123456789012345678901234567890123456789012345678901234567890123"
#define CONFIG(ids) "{\"rootfs\": {\"type\": \"layers\", \"diff_ids\": [" ids "]}}"

static void test_saved(void **state)
{
	static const char both[] =
		"[{\"Config\": \"0.json\", \"RepoTags\": [\"a/app:latest\", \"alpine:3\"], \"Layers\": []},"
		" {\"Config\": \"1.json\", \"RepoTags\": null, \"Layers\": [\"l/layer.tar\"]}]";
	static const char *const broken[][2] = {
		{ "{}", "the archive's manifest.json is no list of images" },
		{ "[", "the archive's manifest.json is no list of images" },
		{ "[]", "the archive has no image" },
		{ "[7]", "the archive's manifest.json names no layers" },
		{ "[{\"Layers\": [8]}]", "the archive's manifest.json names no layers" },
		{ "[{\"Layers\": []}]", "the archive's manifest.json names no configuration" },
		{ "[{\"Layers\": [\"../x\"]}]", "there is no '../x' in the archive" },
		{ "[{\"Layers\": [], \"Config\": \"none\"}]", "there is no 'none' in the archive" },
	};

	(void)state;
	put_bytes("v/0.json", CONFIG(""), strlen(CONFIG("")));
	put_bytes("v/1.json", CONFIG("\"" DIGEST "\""), strlen(CONFIG("\"" DIGEST "\"")));
	put_bytes("v/l/layer.tar", "x", 1);
	put_bytes("v/manifest.json", both, strlen(both));
	run("tar -C v -cf t.tar .");
	assert_int_equal(open_saved("a/app"), 0);
	assert_int_equal(open_saved("docker.io/library/alpine:3"), 0);
	assert_int_equal(open_saved("@0"), 0);
	assert_int_equal(open_saved("@1"), 1);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			open_saved(((const char *const[]){ "@2", "@", "alpine", "app" })[i]), -1);
		assert_contains(err.cause, "the archive has no image '");
		assert_remedy(&err,
			      "docker-archive:FILE:NAME, where NAME is of a/app:latest, alpine:3");
	}
	assert_int_equal(open_saved(NULL), -1);
	assert_cause(&err, "the archive has 2 images");
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		put_bytes("v/manifest.json", broken[i][0], strlen(broken[i][0]));
		run("tar -C v -cf t.tar .");
		assert_int_equal(open_saved(NULL), -1);
		assert_cause(&err, broken[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_damaged_header),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_saved),
		cmocka_unit_test(test_closed_early),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
