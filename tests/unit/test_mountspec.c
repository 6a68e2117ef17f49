/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mountspec.c - the grammar of --container-mounts: what it accepts, and each refusal. */
#include "common/mountspec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/syscalls.h"
#include "tests/unit/unit.h"

static void parse(struct mountlist *list, const char *text)
{
	struct error err = ERROR_INIT;

	if (mountlist_parse(list, text, &err) != 0)
		fail_msg("'%s' is refused: %s", text, err.cause);
}

/* The only entry that `text` makes; free it with mountlist_done. */
static struct mountspec *parse_one(struct mountlist *list, const char *text)
{
	*list = (struct mountlist){ .items = NULL };
	parse(list, text);
	assert_int_equal(list->count, 1);
	return &list->items[0];
}

static void assert_optional_string(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void defaults(void **state)
{
	struct mountlist list;
	struct mountspec *spec = parse_one(&list, "/a");

	(void)state;
	assert_int_equal(spec->kind, MOUNT_BIND);
	assert_int_equal(spec->create, CREATE_AUTO);
	assert_true(spec->recursive);
	assert_false(spec->optional);
	assert_false(spec->propagate_below);
	assert_true(spec->propagation == 0);
	assert_true(spec->attr_set == 0);
	assert_true(spec->attr_clr == 0);
	assert_string_equal(spec->source, "/a");
	assert_string_equal(spec->target, "/a");
	assert_null(spec->size);
	assert_null(spec->mode);
	mountlist_done(&list);
}

static void sources_and_targets(void **state)
{
	static const struct {
		const char *text;
		enum mount_kind kind;
		const char *source, *target;
	} cases[] = {
		{ "/a:/b", MOUNT_BIND, "/a", "/b" },
		{ "/a/:/b/", MOUNT_BIND, "/a/", "/b" },
		{ "/a:/b//c/./d", MOUNT_BIND, "/a", "/b/c/d" },
		{ "/a//b", MOUNT_BIND, "/a//b", "/a/b" },
		{ "./a:/b", MOUNT_BIND, "./a", "/b" },
		{ "../a:/b", MOUNT_BIND, "../a", "/b" },
		{ ".:/b", MOUNT_BIND, ".", "/b" },
		{ "/a/../b:/c", MOUNT_BIND, "/a/../b", "/c" },
		{ "/:/host", MOUNT_BIND, "/", "/host" },
		{ "/a:/b:ro", MOUNT_BIND, "/a", "/b" },
		{ "/...:/..b", MOUNT_BIND, "/...", "/..b" },
		{ "/a b:/c=d", MOUNT_BIND, "/a b", "/c=d" },
		{ "tmpfs:/t", MOUNT_TMPFS, NULL, "/t" },
		{ "tmpfs:/t:ro", MOUNT_TMPFS, NULL, "/t" },
		{ "umount:/u", MOUNT_UMOUNT, NULL, "/u" },
		{ "./tmpfs:/t", MOUNT_BIND, "./tmpfs", "/t" },
		/* escapes */
		{ "/a\\:b:/c", MOUNT_BIND, "/a:b", "/c" },
		{ "/a\\,b:/c\\,d", MOUNT_BIND, "/a,b", "/c,d" },
		{ "/a\\\\b", MOUNT_BIND, "/a\\b", "/a\\b" },
		{ "/a\\nb", MOUNT_BIND, "/a\\nb", "/a\\nb" },
		{ "/a\\", MOUNT_BIND, "/a\\", "/a\\" },
		{ "/a\\\\:/b", MOUNT_BIND, "/a\\", "/b" },
		{ "/a\\:\\,\\\\", MOUNT_BIND, "/a:,\\", "/a:,\\" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct mountlist list;
		struct mountspec *spec = parse_one(&list, cases[i].text);

		assert_int_equal(spec->kind, cases[i].kind);
		assert_optional_string(spec->source, cases[i].source);
		assert_string_equal(spec->target, cases[i].target);
		mountlist_done(&list);
	}
}

static void several(void **state)
{
	struct mountlist list = { .items = NULL };

	(void)state;
	parse(&list, "/a,/b:/c:ro,tmpfs:/d:size=1m,umount:/e,/f\\,g:/h");
	assert_int_equal(list.count, 5);
	assert_string_equal(list.items[0].target, "/a");
	assert_string_equal(list.items[1].target, "/c");
	assert_string_equal(list.items[2].target, "/d");
	assert_int_equal(list.items[3].kind, MOUNT_UMOUNT);
	assert_string_equal(list.items[4].source, "/f,g");
	parse(&list, "/i"); /* appends */
	assert_int_equal(list.count, 6);
	assert_string_equal(list.items[5].source, "/i");
	mountlist_done(&list);
	assert_int_equal(list.count, 0);
	assert_null(list.items);
	mountlist_done(&list); /* twice is once */
}

static void a_thousand(void **state)
{
	struct mountlist list = { .items = NULL };
	char text[16 * 1000] = "";
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		len += (size_t)sprintf(text + len, "%s/s%d:/t%d", i ? "," : "", i, i);
	parse(&list, text);
	assert_int_equal(list.count, 1000);
	assert_string_equal(list.items[999].source, "/s999");
	mountlist_done(&list);
}

static void each_flag(void **state)
{
	static const struct {
		const char *flags;
		uint64_t set, clr, propagation;
		bool recursive, below;
		enum mount_create create;
	} cases[] = {
		{ "ro", MOUNT_ATTR_RDONLY, 0, 0, true, false, CREATE_AUTO },
		{ "rw", 0, MOUNT_ATTR_RDONLY, 0, true, false, CREATE_AUTO },
		{ "nosuid", MOUNT_ATTR_NOSUID, 0, 0, true, false, CREATE_AUTO },
		{ "nodev", MOUNT_ATTR_NODEV, 0, 0, true, false, CREATE_AUTO },
		{ "noexec", MOUNT_ATTR_NOEXEC, 0, 0, true, false, CREATE_AUTO },
		{ "exec", 0, MOUNT_ATTR_NOEXEC, 0, true, false, CREATE_AUTO },
		{ "noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, true, false, CREATE_AUTO },
		{ "relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, 0, true, false, CREATE_AUTO },
		{ "strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, true, false,
		  CREATE_AUTO },
		{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, true, false, CREATE_AUTO },
		{ "defaults+async+silent", 0, 0, 0, true, false, CREATE_AUTO },
		{ "nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, true, false, CREATE_AUTO },
		{ "bind", 0, 0, 0, false, false, CREATE_AUTO },
		{ "rbind", 0, 0, 0, true, false, CREATE_AUTO },
		{ "private", 0, 0, MS_PRIVATE, true, false, CREATE_AUTO },
		{ "rprivate", 0, 0, MS_PRIVATE, true, true, CREATE_AUTO },
		{ "slave", 0, 0, MS_SLAVE, true, false, CREATE_AUTO },
		{ "rslave", 0, 0, MS_SLAVE, true, true, CREATE_AUTO },
		{ "shared", 0, 0, MS_SHARED, true, false, CREATE_AUTO },
		{ "rshared", 0, 0, MS_SHARED, true, true, CREATE_AUTO },
		{ "unbindable", 0, 0, MS_UNBINDABLE, true, false, CREATE_AUTO },
		{ "runbindable", 0, 0, MS_UNBINDABLE, true, true, CREATE_AUTO },
		{ "x-create=auto", 0, 0, 0, true, false, CREATE_AUTO },
		{ "x-create=dir", 0, 0, 0, true, false, CREATE_DIR },
		{ "x-create=file", 0, 0, 0, true, false, CREATE_FILE },
		{ "x-create=none", 0, 0, 0, true, false, CREATE_NONE },
		/* together, and the later one wins */
		{ "ro+nosuid+nodev", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0,
		  true, false, CREATE_AUTO },
		{ "bind+ro+rslave+x-create=file", MOUNT_ATTR_RDONLY, 0, MS_SLAVE, false, true,
		  CREATE_FILE },
		{ "ro+rw", 0, MOUNT_ATTR_RDONLY, 0, true, false, CREATE_AUTO },
		{ "rw+ro", MOUNT_ATTR_RDONLY, 0, 0, true, false, CREATE_AUTO },
		{ "noexec+exec", 0, MOUNT_ATTR_NOEXEC, 0, true, false, CREATE_AUTO },
		{ "bind+rbind", 0, 0, 0, true, false, CREATE_AUTO },
		{ "rprivate+slave", 0, 0, MS_SLAVE, true, false, CREATE_AUTO },
		{ "x-create=dir+x-create=none", 0, 0, 0, true, false, CREATE_NONE },
		{ "noatime+strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, true, false,
		  CREATE_AUTO },
		{ "strictatime+noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, true, false,
		  CREATE_AUTO },
		{ "noatime+relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, 0, true, false,
		  CREATE_AUTO },
		{ "ro+noatime", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, true,
		  false, CREATE_AUTO },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[128];
		struct mountlist list;
		struct mountspec *spec;

		snprintf(text, sizeof(text), "/a:/b:%s", cases[i].flags);
		spec = parse_one(&list, text);
		if (spec->attr_set != cases[i].set || spec->attr_clr != cases[i].clr ||
		    spec->propagation != cases[i].propagation ||
		    spec->recursive != cases[i].recursive ||
		    spec->propagate_below != cases[i].below || spec->create != cases[i].create)
			fail_msg(
				"'%s': set %#llx clr %#llx propagation %#llx recursive %d below %d create %d",
				text, (unsigned long long)spec->attr_set,
				(unsigned long long)spec->attr_clr,
				(unsigned long long)spec->propagation, spec->recursive,
				spec->propagate_below, spec->create);
		mountlist_done(&list);
	}
}

static void nofail_makes_optional(void **state)
{
	struct mountlist list;

	(void)state;
	assert_true(parse_one(&list, "/a:/b:ro+nofail")->optional);
	mountlist_done(&list);
	assert_false(parse_one(&list, "/a:/b:ro")->optional);
	mountlist_done(&list);
}

static void tmpfs_options(void **state)
{
	struct mountlist list;
	struct mountspec *spec = parse_one(&list, "tmpfs:/t:size=64m+mode=1777+nodev");

	(void)state;
	assert_string_equal(spec->size, "64m");
	assert_string_equal(spec->mode, "1777");
	assert_true(spec->attr_set == MOUNT_ATTR_NODEV);
	mountlist_done(&list);

	spec = parse_one(&list, "tmpfs:/t:size=1k+size=50%");
	assert_string_equal(spec->size, "50%");
	assert_null(spec->mode);
	mountlist_done(&list);
}

static void refusals(void **state)
{
	/* `cause` and `remedy` are what the texts contain; NULL: there is no remedy. */
	static const struct {
		const char *text, *cause, *remedy;
	} cases[] = {
		{ "", "empty list of mounts", NULL },
		{ ",", "mount '': empty mount source", NULL },
		{ "/a,", "mount '': empty mount source", NULL },
		{ "/a,,/b", "mount '': empty mount source", NULL },
		{ ":/b", "mount ':/b': empty mount source", NULL },
		{ "a", "mount 'a': mount source 'a' is not a path", "/absolute/path or ./a" },
		{ "a:/b", "mount 'a:/b': mount source 'a' is not a path", "/absolute/path or ./a" },
		{ ".a:/b", "mount source '.a' is not a path", "./.a" },
		{ "../a", "mount source '../a' needs a target", "../a:/absolute/path" },
		{ "~/a", "mount source '~/a' needs a target", "~/a:/absolute/path" },
		{ ".", "mount '.': a mount on '/' would hide the image", NULL },
		{ "/a:./", "mount '/a:./': a mount on '/' would hide the image", NULL },
		{ "tmpfs", "mount source 'tmpfs' is not a path", "./tmpfs" },
		{ "umount", "mount source 'umount' is not a path", "./umount" },
		{ "/a:", "mount target '' is not an absolute path", "SOURCE:/absolute/path" },
		{ "/a:b", "mount target 'b' is not an absolute path without '..'",
		  "SOURCE:/absolute/path" },
		{ "/a:./../b", "mount target '/../b' is not", "SOURCE:/absolute/path" },
		{ "/a:/b/../c", "mount target '/b/../c' is not an absolute path without '..'",
		  "SOURCE:/absolute/path" },
		{ "/a:/..", "mount target '/..'", "SOURCE:/absolute/path" },
		{ "/a/../b", "mount target '/a/../b'", "SOURCE:/absolute/path" },
		{ "/a:ro", "mount target 'ro' is not an absolute path", "SOURCE:/absolute/path" },
		{ "/", "mount '/': a mount on '/' would hide the image", NULL },
		{ "/a:/", "a mount on '/' would hide the image", NULL },
		{ "/a://.//", "a mount on '/' would hide the image", NULL },
		{ "tmpfs:/", "a mount on '/' would hide the image", NULL },
		{ "/a:/b:", "empty mount flag", NULL },
		{ "/a:/b:+", "empty mount flag", NULL },
		{ "/a:/b:ro+", "empty mount flag", NULL },
		{ "/a:/b:+ro", "empty mount flag", NULL },
		{ "/a:/b:ro:c", "more than three fields: SOURCE:TARGET:FLAGS", NULL },
		{ "/a:/b:ro:", "more than three fields", NULL },
		{ "/a:/b:wo", "mount '/a:/b:wo': unknown mount flag 'wo'",
		  "flags joined by '+', of: ro rw bind rbind" },
		{ "/a:/b:RO", "unknown mount flag 'RO'", "davit(5)" },
		{ "/a:/b:noexecs", "unknown mount flag 'noexecs'", "noexec; there are flags" },
		{ "/a:/b:x-create", "unknown mount flag 'x-create'", "davit(5)" },
		{ "/a:/b:x-move", "unknown mount flag 'x-move'", "davit(5)" },
		{ "/a:/b:ro nosuid", "unknown mount flag 'ro nosuid'", "davit(5)" },
		{ "/a:/b:suid", "unknown mount flag 'suid'", "davit(5)" },
		{ "/a:/b:dev", "unknown mount flag 'dev'", "davit(5)" },
		{ "/a:/b:x-create=", "unknown mount flag 'x-create='",
		  "x-create=auto|dir|file|none" },
		{ "/a:/b:x-create=link", "unknown mount flag 'x-create=link'", "davit(5)" },
		{ "/a:/b:size=1m", "unknown mount flag 'size=1m'", "tmpfs also: size=N mode=N" },
		{ "/a:/b:mode=755", "unknown mount flag 'mode=755'", "davit(5)" },
		{ "tmpfs:/t:size=", "unknown mount flag 'size='", "davit(5)" },
		{ "tmpfs:/t:uid=0", "unknown mount flag 'uid=0'", "davit(5)" },
		{ "umount:/a:ro", "umount takes no flags", NULL },
		{ "umount:a", "mount target 'a' is not an absolute path", "SOURCE:/absolute/path" },
		{ "/a\nb:c", "mount target 'c'", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct error err = ERROR_INIT;
		struct mountlist list = { .items = NULL };

		if (mountlist_parse(&list, cases[i].text, &err) != -1)
			fail_msg("'%s' is accepted", cases[i].text);
		assert_contains(err.cause, cases[i].cause);
		if (cases[i].remedy)
			assert_contains(err.remedy, cases[i].remedy);
		assert_null(strchr(err.cause, '\n'));
		assert_int_equal(err.code, EXIT_SETUP);
		mountlist_done(&list);
	}
}

static void refusal_keeps_what_came_before(void **state)
{
	struct error err = ERROR_INIT;
	struct mountlist list = { .items = NULL };

	(void)state;
	assert_int_equal(mountlist_parse(&list, "/a,/b:/c:ro,bad,/d", &err), -1);
	assert_int_equal(list.count, 2);
	assert_contains(err.cause, "mount 'bad': ");
	mountlist_done(&list);
}

static void huge_text_is_cut_in_the_error(void **state)
{
	struct error err = ERROR_INIT;
	struct mountlist list = { .items = NULL };
	size_t len = 1 << 20;
	char *text = malloc(len + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	assert_int_equal(mountlist_parse(&list, text, &err), -1);
	assert_int_equal(strlen(err.cause), ERROR_TEXT_MAX - 1);
	free(text);
}

static void adds_binds(void **state)
{
	struct error err = ERROR_INIT;
	struct mountlist list = { .items = NULL };

	(void)state;
	assert_int_equal(mountlist_add_bind(&list, "/a//b/", true, &err), 0);
	assert_int_equal(mountlist_add_bind(&list, "/c", false, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].source, "/a//b/");
	assert_string_equal(list.items[0].target, "/a/b");
	assert_true(list.items[0].optional);
	assert_true(list.items[0].recursive);
	assert_int_equal(list.items[0].create, CREATE_AUTO);
	assert_false(list.items[1].optional);

	assert_int_equal(mountlist_add_bind(&list, "a", false, &err), -1);
	assert_int_equal(err.errnum, EINVAL);
	assert_contains(err.cause, "cannot mount 'a'");
	assert_int_equal(mountlist_add_bind(&list, "/a/../b", false, &err), -1);
	assert_int_equal(err.errnum, EINVAL);
	assert_int_equal(mountlist_add_bind(&list, "", false, &err), -1);
	assert_int_equal(list.count, 2);
	mountlist_done(&list);
}

static void copies_are_deep(void **state)
{
	struct error err = ERROR_INIT;
	struct mountlist from = { .items = NULL }, to = { .items = NULL };

	(void)state;
	parse(&from, "/a:/b:ro+bind,tmpfs:/t:size=1m+mode=700,umount:/u");
	parse(&to, "/x");
	assert_int_equal(mountlist_append_copy(&to, &from, &err), 0);
	assert_int_equal(to.count, 4);
	assert_ptr_not_equal(to.items[1].source, from.items[0].source);
	mountlist_done(&from);
	assert_string_equal(to.items[0].source, "/x");
	assert_string_equal(to.items[1].source, "/a");
	assert_string_equal(to.items[1].target, "/b");
	assert_true(to.items[1].attr_set == MOUNT_ATTR_RDONLY);
	assert_false(to.items[1].recursive);
	assert_int_equal(to.items[2].kind, MOUNT_TMPFS);
	assert_null(to.items[2].source);
	assert_string_equal(to.items[2].size, "1m");
	assert_string_equal(to.items[2].mode, "700");
	assert_int_equal(to.items[3].kind, MOUNT_UMOUNT);
	assert_int_equal(mountlist_append_copy(&to, &from, &err), 0); /* of nothing */
	assert_int_equal(to.count, 4);
	mountlist_done(&to);
}

static void parents_come_first(void **state)
{
	struct mountlist list = { .items = NULL };

	(void)state;
	parse(&list, "/1:/a/b/c,/2:/a,/3:/a/b,/4:/longer,/5:/a,/6:/z/y/x/w,/7:/z");
	mountlist_sort(&list);
	assert_int_equal(list.count, 7);
	for (size_t i = 0; i < list.count; i++)
		for (size_t j = i + 1; j < list.count; j++)
			if (strcmp(list.items[i].target, list.items[j].target) != 0)
				assert_false(
					path_is_below(list.items[i].target, list.items[j].target));
			else
				assert_true(list.items[i].source[1] < list.items[j].source[1]);
	mountlist_done(&list);
	mountlist_sort(&list); /* of nothing */
}

static void umounts_drop_what_came_before(void **state)
{
	struct error err = ERROR_INIT;
	struct mountlist list = { .items = NULL };

	(void)state;
	parse(&list, "/1:/a,/2:/b,/3:/a,/4:/a/b,umount:/a,/5:/a,umount:/b/");
	assert_int_equal(mountlist_apply_umounts(&list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].source, "/4");
	assert_string_equal(list.items[1].source, "/5");
	mountlist_done(&list);

	parse(&list, "/1:/a,umount:/a");
	assert_int_equal(mountlist_apply_umounts(&list, &err), 0);
	assert_int_equal(list.count, 0);
	mountlist_done(&list);
	assert_int_equal(mountlist_apply_umounts(&list, &err), 0); /* of nothing */
}

static void umount_of_nothing_is_refused(void **state)
{
	struct error err = ERROR_INIT;
	struct mountlist list = { .items = NULL };

	(void)state;
	parse(&list, "/1:/a/b,umount:/a,/2:/a");
	assert_int_equal(mountlist_apply_umounts(&list, &err), -1);
	assert_cause(&err, "mount 'umount:/a': nothing is mounted there");
	mountlist_done(&list);

	/* a second one finds nothing left */
	err = (struct error)ERROR_INIT;
	parse(&list, "/1:/a,umount:/a,umount:/a");
	assert_int_equal(mountlist_apply_umounts(&list, &err), -1);
	mountlist_done(&list);
}

static void below(void **state)
{
	(void)state;
	assert_true(path_is_below("/a", "/a"));
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("/a", "/"));
	assert_true(path_is_below("/", "/"));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("/a", "/a/b"));
	assert_false(path_is_below("/", "/a"));
	assert_false(path_is_below("/b/a", "/a"));
}

static void normalise(void **state)
{
	static const struct {
		const char *path, *want;
	} cases[] = {
		{ "/", "/" },
		{ "///", "/" },
		{ "/.", "/" },
		{ "/./", "/" },
		{ "/a", "/a" },
		{ "/a/", "/a" },
		{ "//a//b//", "/a/b" },
		{ "/a/./b/.", "/a/b" },
		{ "/.a/b./...", "/.a/b./..." },
		{ "/a/..b/b..", "/a/..b/b.." },
		{ "", NULL },
		{ "a", NULL },
		{ ".", NULL },
		{ "./a", NULL },
		{ "..", NULL },
		{ "/..", NULL },
		{ "/a/..", NULL },
		{ "/a/../b", NULL },
		{ "/../a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *got;

		errno = 0;
		got = path_normalise(cases[i].path);
		assert_optional_string(got, cases[i].want);
		if (!cases[i].want)
			assert_int_equal(errno, EINVAL);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(sources_and_targets),
		cmocka_unit_test(several),
		cmocka_unit_test(a_thousand),
		cmocka_unit_test(each_flag),
		cmocka_unit_test(nofail_makes_optional),
		cmocka_unit_test(tmpfs_options),
		cmocka_unit_test(refusals),
		cmocka_unit_test(refusal_keeps_what_came_before),
		cmocka_unit_test(huge_text_is_cut_in_the_error),
		cmocka_unit_test(adds_binds),
		cmocka_unit_test(copies_are_deep),
		cmocka_unit_test(parents_come_first),
		cmocka_unit_test(umounts_drop_what_came_before),
		cmocka_unit_test(umount_of_nothing_is_refused),
		cmocka_unit_test(below),
		cmocka_unit_test(normalise),
	};

	return cmocka_run_group_tests_name("mountspec", tests, NULL, NULL);
}
