/* SPDX-License-Identifier: BSD-3-Clause */
/* test_source.c - names of images that are not files yet: which are taken, and what they come to. */
#include "common/source.h"

#include <stdlib.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX

static void one_form(void **state)
{
	static const struct {
		const char *name, *canonical;
	} names[] = {
		{ "docker://busybox", "docker://docker.io/library/busybox:latest" },
		{ "docker://busybox:1.36", "docker://docker.io/library/busybox:1.36" },
		{ "docker://docker.io/busybox", "docker://docker.io/library/busybox:latest" },
		{ "docker://index.docker.io/a/b", "docker://docker.io/a/b:latest" },
		{ "docker://nvcr.io/nvidia/pytorch:24.01-py3",
		  "docker://nvcr.io/nvidia/pytorch:24.01-py3" },
		{ "docker://localhost/x", "docker://localhost/x:latest" },
		{ "docker://localhost:5000/x", "docker://localhost:5000/x:latest" },
		{ "docker://localhost:5000", "docker://docker.io/library/localhost:5000" },
		{ "docker://[::1]:5000/x/y_z/a__b/c---d:T_1.2-3",
		  "docker://[::1]:5000/x/y_z/a__b/c---d:T_1.2-3" },
		{ "docker://MyHost/x", "docker://MyHost/x:latest" },
		{ "docker://h.example:443/x@" DIGEST, "docker://h.example:443/x@" DIGEST },
		{ "docker://h.example/x:tag@" DIGEST, "docker://h.example/x@" DIGEST },
		{ "oci:/a/b:tag", "oci:/a/b:tag" },
		{ "containers-storage:localhost/x:y", "containers-storage:localhost/x:y" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct error err = ERROR_INIT;
		cleanup_free char *text = source_canonical(names[i].name, &err);
		cleanup_free char *again = text ? source_canonical(text, &err) : NULL;

		assert_true(source_is(names[i].name));
		assert_int_equal(source_check(names[i].name, &err), 0);
		if (!text)
			fail_msg("'%s': %s", names[i].name, err.cause);
		assert_string_equal(text, names[i].canonical);
		assert_string_equal(again, text);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *name, *cause;
	} names[] = {
		{ "docker://", "'' is no name of an image" },
		{ "docker:///x", "'/x' is no name of an image" },
		{ "docker://x/", "'x/' is no name of an image" },
		{ "docker://x//y", "'x//y' is no name of an image" },
		{ "docker://Busybox", "'Busybox' is no name of an image" },
		{ "docker://a..b/c", "'a..b' is no host of a registry" },
		{ "docker://-h.example/c", "'-h.example' is no host of a registry" },
		{ "docker://h.example:/c", "'h.example:' is no host of a registry" },
		{ "docker://h.example:x/c", "'h.example:x' is no host of a registry" },
		{ "docker://h.example:123456/c", "'h.example:123456' is no host of a registry" },
		{ "docker://[::1/c", "'[::1' is no host of a registry" },
		{ "docker://[]:80/c", "'[]:80' is no host of a registry" },
		{ "docker://a/b___c", "'a/b___c' is no name of an image" },
		{ "docker://a/.b", "'a/.b' is no name of an image" },
		{ "docker://a/../b", "'a/../b' is no name of an image" },
		{ "docker://a/b-", "'a/b-' is no name of an image" },
		{ "docker://a/b c", "'a/b c' is no name of an image" },
		{ "docker://x:", "'' is no tag" },
		{ "docker://x:.y", "'.y' is no tag" },
		{ "docker://x:y z", "'y z' is no tag" },
		{ "docker://x:y@z", "'z' is no digest of an image" },
		{ "docker://x@", "'' is no digest of an image" },
		{ "docker://x@sha256:12", "'sha256:12' is no digest of an image" },
		{ "docker://x@" HEX, "'" HEX "' is no digest of an image" },
		{ "docker://x@" DIGEST "@", "'" DIGEST "@' is no digest of an image" },
		{ "docker://x\ny", "there is a control character in it" },
		{ "docker:busybox", "is no path, and no image of a registry" },
		{ "docker:/busybox", "is no path, and no image of a registry" },
		{ "dockr://busybox", "nothing can be imported from 'dockr://'" },
		{ "http://host/x.sqfs", "nothing can be imported from 'http://'" },
		{ "library://x", "nothing can be imported from 'library://'" },
		{ "oci:", "nothing behind 'oci:'" },
		{ "docker-archive:", "nothing behind 'docker-archive:'" },
		{ "oci:/a\x7f", "there is a control character in it" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct error err = ERROR_INIT;

		if (source_check(names[i].name, &err) == 0)
			fail_msg("'%s' is taken", names[i].name);
		assert_contains(err.cause, names[i].cause);
		assert_true(err.remedy[0]);
		assert_null(source_canonical(names[i].name, &err));
	}
}

static void remedies(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(source_check("dockr://busybox", &err), -1);
	assert_remedy(&err, "docker://busybox; ./dockr://busybox for a file");
	assert_int_equal(source_check("docker:busybox", &err), -1);
	assert_remedy(&err, "docker://busybox; ./docker:busybox for a file");
}

static void long_names(void **state)
{
	char name[600] = "docker://";
	struct error err = ERROR_INIT;

	(void)state;
	memset(name + 9, 'a', 255);
	assert_int_equal(source_check(name, &err), 0);
	name[9 + 255] = 'a';
	assert_int_equal(source_check(name, &err), -1);
	strcpy(name + 9, "a:");
	memset(name + 11, 'b', 128);
	name[11 + 128] = '\0';
	assert_int_equal(source_check(name, &err), 0);
	strcpy(name + 11 + 128, "b");
	assert_int_equal(source_check(name, &err), -1);
}

static void paths(void **state)
{
	static const char *const names[] = { "/a.sqfs", "a.sqfs", "./docker://x", "a:b",
					     "~/x",     "/a://b", "oci",          "x/http://y" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct error err = ERROR_INIT;

		assert_false(source_is(names[i]));
		if (source_check(names[i], &err) < 0)
			fail_msg("'%s': %s", names[i], err.cause);
	}
	assert_true(source_is_path("oci:/x"));
	assert_false(source_is_path("docker://x"));
	assert_false(source_is_path("docker-daemon:x"));
	assert_false(source_is_registry("oci:/x"));
}

static void pinned(void **state)
{
	static const struct {
		const char *name, *text;
	} names[] = {
		{ "docker://h.example:80/x:y", "docker://h.example:80/x@" DIGEST },
		{ "docker://h.example/x@sha256:1", "docker://h.example/x@sha256:1" },
		{ "oci:/a/b:c", "oci:/a/b:c" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		cleanup_free char *text = source_pinned(names[i].name, DIGEST);

		assert_string_equal(text, names[i].text);
	}
	assert_null(source_digest("docker://h.example:80/x:y"));
	assert_null(source_digest("oci:/a@b"));
	assert_string_equal(source_digest("docker://h/x@" DIGEST), DIGEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_form),   cmocka_unit_test(refused), cmocka_unit_test(remedies),
		cmocka_unit_test(long_names), cmocka_unit_test(paths),   cmocka_unit_test(pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
