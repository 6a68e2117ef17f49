/* SPDX-License-Identifier: BSD-3-Clause */
/* test_build.c - what is left out of a context, COPY between two trees, stages, the configuration. */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "images/build/copy.h"
#include "images/build/sources.h"
#include "images/build/spec.h"
#include "launcher/build/build.h"
#include "tests/unit/tree.h"

static struct error err;

/* ---- .dockerignore --------------------------------------------------------------------------- */

static bool is_ignored(const char *patterns, const char *path)
{
	struct ignore ignore = { .takes_back = false };
	cleanup_free char *text = strdup(patterns);
	bool result;

	assert_int_equal(ignore_parse(&ignore, text), 0);
	result = ignore_has(&ignore, path);
	ignore_done(&ignore);
	return result;
}

static void ignores(void **state)
{
	(void)state;
	assert_true(is_ignored("a", "a"));
	assert_true(is_ignored("/a/", "a"));
	assert_true(is_ignored("./a\r\n", "a/b/c"));
	assert_false(is_ignored("a", "b/a"));
	assert_false(is_ignored("a", "ab"));
	assert_true(is_ignored("*.o", "x.o"));
	assert_false(is_ignored("*.o", "d/x.o"));
	assert_true(is_ignored("*/*.o", "d/x.o"));
	assert_true(is_ignored("**/*.o", "x.o"));
	assert_true(is_ignored("**/*.o", "d/e/x.o"));
	assert_true(is_ignored("d/**", "d/e/x"));
	assert_false(is_ignored("d/**", "d"));
	assert_true(is_ignored("d/**/x", "d/x"));
	assert_true(is_ignored("d/**/x/**/y", "d/x/z/x/y"));
	assert_false(is_ignored("d/**/x/**/y", "d/x/z/x/z"));
	assert_false(is_ignored("# a\n\n  \n", "# a"));
	assert_false(is_ignored("*.o\n!keep.o", "keep.o"));
	assert_true(is_ignored("*.o\n!keep.o\n*.o", "keep.o"));
	assert_false(is_ignored("d\n!d/e", "d/e/f"));
	assert_true(is_ignored("d\n!d/e", "d/f"));
	assert_false(is_ignored("/", "a"));
	assert_false(is_ignored("!", "a"));
	/* One that takes for ever where each "**" is tried for each name. */
	assert_false(is_ignored("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b",
				"a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"));
}

/* ---- COPY ------------------------------------------------------------------------------------ */

static struct copy copy;
static struct ignore ignore;

static int setup_copy(void **state)
{
	int result = tree_setup(state);

	assert_int_equal(mkdir("from", 0755), 0);
	assert_int_equal(mkdir("to", 0755), 0);
	copy = (struct copy){ .from = open("from", O_PATH | O_DIRECTORY | O_CLOEXEC),
			      .to = open("to", O_PATH | O_DIRECTORY | O_CLOEXEC),
			      .ignore = &ignore,
			      .mode = -1 };
	put("outside", "secret");
	put("from/one", "1");
	put("from/two", "2");
	put("from/d/e/three", "3");
	put("from/d/four", "4");
	return result;
}

static int teardown_copy(void **state)
{
	close(copy.from);
	close(copy.to);
	ignore_done(&ignore);
	return tree_teardown(state);
}

/* `sources` are words. */
static int do_copy(const char *sources, const char *target)
{
	char *words[8] = { NULL };
	cleanup_free char *text = strdup(sources);
	char *rest = text;
	size_t count = 0;

	err = (struct error)ERROR_INIT;
	while ((words[count] = strsep(&rest, " ")))
		count++;
	return copy_sources(&copy, words, target, &err);
}

static void assert_file(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_free char *found = fd_read_regular(fd, 100, NULL);

	if (!found)
		fail_msg("there is no file '%s'", path);
	assert_string_equal(found, text);
}

static void copies(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(do_copy("one", "/a"), 0);
	assert_file("to/a", "1");
	assert_int_equal(do_copy("two", "/a"), 0);
	assert_file("to/a", "2");
	assert_int_equal(do_copy("/one ./two", "/b/c/"), 0);
	assert_file("to/b/c/one", "1");
	assert_file("to/b/c/two", "2");
	assert_int_equal(do_copy("one", "/b/c"), 0); /* which is a directory */
	assert_file("to/b/c/one", "1");
	assert_int_equal(do_copy("d", "/d2"), 0);
	assert_file("to/d2/four", "4");
	assert_file("to/d2/e/three", "3");
	assert_int_equal(do_copy("*o", "/g/"), 0);
	assert_file("to/g/two", "2");
	assert_int_equal(access("to/g/one", F_OK), -1);
	assert_int_equal(do_copy("d/?/th[r]ee", "/h"), 0);
	assert_file("to/h", "3");
	assert_int_equal(do_copy(".", "/all"), 0);
	assert_file("to/all/d/e/three", "3");
	copy.mode = 0500;
	assert_int_equal(do_copy("one", "/x"), 0);
	assert_int_equal(stat("to/x", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0500);
}

static void refuses(void **state)
{
	(void)state;
	assert_int_equal(do_copy("none", "/a"), -1);
	assert_cause(&err, "there is no 'none' to copy");
	assert_remedy(&err, "a path below the context");
	assert_int_equal(do_copy("one two", "/a"), -1);
	assert_cause(&err, "2 files to '/a', which does not end with '/'");
	assert_remedy(&err, "/a/, if it is to be a directory");
	assert_int_equal(do_copy("../outside", "/a"), -1);
	assert_cause(&err, "'../outside' leads out of what may be copied");
	assert_int_equal(do_copy("d/../../outside", "/a"), -1);
	assert_cause(&err, "'d/../../outside' leads out of what may be copied");
	assert_int_equal(mkfifo("from/pipe", 0600), 0);
	assert_int_equal(do_copy("pipe", "/a"), -1);
	assert_cause(&err, "'pipe' is neither a file, a directory nor a link");
	assert_int_equal(do_copy(".", "/a"), -1);
	assert_cause(&err, "'pipe' is neither a file, a directory nor a link");
	copy.is_image = true;
	assert_int_equal(do_copy(".", "/image"), 0);
	assert_file("to/image/two", "2");
	assert_int_equal(access("to/image/pipe", F_OK), -1);
	assert_int_equal(do_copy("d", "/b"), 0);
	put("from/x/e", "no directory");
	assert_int_equal(do_copy("x", "/b"), -1);
	assert_cause(&err, "'e' is a directory in the image");
	put("from/y/four/five", "5");
	assert_int_equal(do_copy("y", "/b"), -1);
	assert_cause(&err, "'four' is no directory in the image");
}

/* No link leads out, in neither tree; what is copied as a link stays one. */
static void links(void **state)
{
	char target[100];

	(void)state;
	assert_int_equal(symlink("../outside", "from/up"), 0);
	assert_int_equal(do_copy("up", "/a"), -1);
	assert_int_equal(symlink("/../outside", "from/absolute"), 0);
	assert_int_equal(do_copy("absolute", "/a"), -1);
	put("from/outside", "inside");
	assert_int_equal(do_copy("up absolute", "/a/"), 0);
	assert_file("to/a/up", "inside");
	assert_file("to/a/absolute", "inside");
	assert_int_equal(do_copy(".", "/all"), 0);
	assert_int_equal(readlink("to/all/up", target, sizeof(target)), strlen("../outside"));
	/* In the image: a directory that is a link, and a file that is one. */
	assert_int_equal(mkdir("away", 0755), 0);
	assert_int_equal(symlink("../away", "to/dir"), 0);
	assert_int_equal(do_copy("one", "/dir/"), -1);
	assert_int_equal(mkdir("to/away", 0755), 0);
	assert_int_equal(do_copy("one", "/dir/"), 0);
	assert_int_equal(access("away/one", F_OK), -1);
	assert_file("to/away/one", "1");
	assert_int_equal(symlink("../../outside", "to/away/two"), 0);
	assert_int_equal(do_copy("two", "/dir/"), 0);
	assert_file("to/away/two", "2");
	assert_file("outside", "secret");
	assert_int_equal(copy_put_file(copy.to, "/dir/x", "f", "text", &err), 0);
	assert_file("to/away/x/f", "text");
}

static void leaves_out(void **state)
{
	char text[] = "d/e\ntwo\n!d/e/keep\n";

	(void)state;
	assert_int_equal(ignore_parse(&ignore, text), 0);
	assert_int_equal(do_copy(".", "/a"), 0);
	assert_int_equal(access("to/a/d/e", F_OK), -1);
	assert_int_equal(access("to/a/two", F_OK), -1);
	assert_file("to/a/d/four", "4");
	put("from/d/e/keep", "k");
	assert_int_equal(do_copy(".", "/b"), 0);
	assert_file("to/b/d/e/keep", "k");
	assert_int_equal(access("to/b/d/e/three", F_OK), -1);
	assert_int_equal(do_copy("two", "/c"), -1);
	assert_cause(&err, "'two' is left out by .containerignore or .dockerignore");
	assert_remedy(&err, "a line !two at the end of that file");
	assert_int_equal(do_copy("t*", "/c"), -1);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static struct build build;

static int plan(const char *text)
{
	const char *target = build.target;
	struct list given = build.given;

	build.given = (struct list){ .items = NULL };
	containerfile_done(&build.file);
	for (size_t i = 0; i < build.stage_count; i++) {
		free(build.stages[i].name);
		free(build.stages[i].base);
	}
	list_done(&build.globals);
	build = (struct build){ .file = { .name = "File" }, .target = target, .given = given };
	err = (struct error)ERROR_INIT;
	assert_int_equal(containerfile_parse(&build.file, text, strlen(text), &err), 0);
	return stages_plan(&build, &err);
}

static void assert_unplanned(const char *text, const char *cause)
{
	assert_int_equal(plan(text), -1);
	assert_cause(&err, cause);
}

static int teardown_stages(void **state)
{
	(void)state;
	list_done(&build.given);
	build.target = NULL;
	return plan("FROM a");
}

static void plans(void **state)
{
	(void)state;
	assert_int_equal(
		plan("ARG V=12\nARG X=${V}\nFROM a:$X as one\nRUN x\nFROM b\nRUN y\nFROM ONE as three\n"
		     "COPY --from=1 a b\nCOPY --from=im/age:1 a b\nCOPY --from=im/age:1 c d\n"),
		0);
	assert_int_equal(build.stage_count, 4);
	assert_string_equal(build.stages[0].base, "a:12");
	assert_true(build.stages[0].is_needed && build.stages[0].is_base);
	assert_false(build.stages[0].is_source);
	assert_true(build.stages[1].is_source && build.stages[1].is_needed);
	assert_int_equal(build.stages[2].base_stage, 0);
	assert_string_equal(build.stages[3].base, "im/age:1");
	assert_true(build.stages[3].is_source);
	assert_int_equal(build.stages[3].first, build.stages[3].end);
	assert_int_equal(build.last, 2);
	assert_ptr_equal(stages_source(&build, "im/age:1", 2), &build.stages[3]);
	build.target = "one";
	assert_int_equal(plan("FROM a as one\nFROM b\nCOPY --from=one x y\n"), 0);
	assert_int_equal(build.last, 0);
	assert_false(build.stages[1].is_needed);
	/* A stage that comes later is an image of that name. */
	build.target = NULL;
	assert_int_equal(plan("FROM later\nFROM b AS later\n"), 0);
	assert_int_equal(build.stages[0].base_stage, -1);
}

static void unplanned(void **state)
{
	char many[70 * 8] = "";

	(void)state;
	assert_unplanned("FROM a b\n", "File:1: this FROM is not understood");
	assert_unplanned("FROM a AS\n", "File:1: this FROM is not understood");
	assert_unplanned("FROM a AS 1\n", "File:1: '1' is not a name for a stage");
	assert_unplanned("FROM a AS x/y\n", "File:1: 'x/y' is not a name for a stage");
	assert_unplanned("ARG X\n\nFROM $X\n", "File:3: the image's name '$X' is empty");
	assert_unplanned("ARG 1\nFROM a\n", "File:1: '1' is not a name for an argument");
	assert_unplanned("FROM --platform=linux/vax a\n",
			 "File:1: platform 'linux/vax' is not this node's");
	assert_int_equal(plan("FROM --platform=$BUILDPLATFORM a\n"), 0);
	assert_unplanned("FROM a AS x\nCOPY --from=x a b\n",
			 "File:2: a stage cannot copy from itself");
	assert_unplanned("FROM \"a\n", "File:1: a quotation that begins with \" does not end");
	for (int i = 0; i < 65; i++)
		strcat(many, "FROM a\n");
	assert_unplanned(many, "File:65: more than 64 stages");
	build.target = "none";
	assert_unplanned("FROM a\n", "there is no stage 'none' in 'File'");
	build.target = NULL;
	assert_int_equal(list_add(&build.given, "VERSON=1"), 0);
	assert_unplanned("FROM a\nARG VERSION\n", "--build-arg VERSON: no ARG of 'File' takes it");
	assert_remedy(&err, "VERSION");
	assert_int_equal(plan("FROM a\nARG A B VERSON=2\n"), 0);
}

static void paths(void **state)
{
	(void)state;
	assert_true(stages_is_path("/a/b"));
	assert_true(stages_is_path("./a"));
	assert_true(stages_is_path("../a"));
	assert_true(stages_is_path("x.sqfs"));
	assert_true(stages_is_path("a/x.sif"));
	assert_false(stages_is_path("debian:12"));
	assert_false(stages_is_path("a/b"));
	assert_false(stages_is_path("docker://a/b.sif"));
	assert_false(stages_is_path(".sif"));
	assert_true(stages_is_source("docker://a"));
	assert_true(stages_is_source("oci:dir:tag"));
	assert_false(stages_is_source("host:5000/oci:tag"));
	assert_false(stages_is_source("debian:12"));
}

/* ---- the configuration ----------------------------------------------------------------------- */

static void configures(void **state)
{
	static const char base[] =
		"{\"created\": \"x\", \"rootfs\": {}, \"history\": [], \"config\": "
		"{\"Env\": [\"A=1\", \"B=2\"], \"Cmd\": [\"old\"], \"User\": \"me\"}}";
	char *env[] = { CHARS("A=1"), CHARS("B=2"), NULL },
	     *words[] = { CHARS("x"), CHARS("y z"), NULL };
	const struct image_config says = { .env = env };
	cleanup_free char *text = NULL, *again = NULL;
	struct spec spec;

	(void)state;
	err = (struct error)ERROR_INIT;
	assert_int_equal(spec_begin(&spec, &says, base, &err), 0);
	assert_false(spec.is_changed);
	assert_int_equal(spec_set_env(&spec, "B=3", &err), 0);
	assert_int_equal(spec_set_env(&spec, "C=\xc3\xa4", &err), 0);
	assert_int_equal(spec_set_words(&spec, "Entrypoint", words, &err), 0);
	assert_int_equal(spec_set_words(&spec, "Cmd", NULL, &err), 0);
	assert_int_equal(spec_set_entry(&spec, "Labels", "k", "v", &err), 0);
	assert_int_equal(spec_set_entry(&spec, "ExposedPorts", "80/tcp", NULL, &err), 0);
	assert_true(spec.is_changed);
	assert_int_equal(spec_set_text(&spec, "WorkingDir", "\xff", &err), -1);
	assert_cause(&err, "it is not in UTF-8");
	assert_int_equal(spec_set_env(&spec, "X=\xff", &err), -1);
	assert_int_equal(spec_set_entry(&spec, "Labels", "\xff", "v", &err), -1);
	text = spec_write(&spec, &err);
	again = spec_write(&spec, &err);
	assert_non_null(text);
	assert_string_equal(text, again);
	assert_contains(text, "\"B=3\"");
	assert_contains(text, "\"User\": \"me\"");
	assert_contains(text, "\"k\": \"v\"");
	assert_contains(text, "\"80/tcp\": {}");
	assert_contains(text, "\"y z\"");
	assert_null(strstr(text, "rootfs"));
	assert_null(strstr(text, "history"));
	assert_null(strstr(text, "old"));
	assert_null(strstr(text, "B=2"));
	spec_done(&spec);
}

static void configures_foreign(void **state)
{
	char *words[] = { CHARS("/.singularity.d/runscript"), NULL },
	     *labels[] = { CHARS("a=b=c"), NULL };
	char dir[] = "/w";
	const struct image_config says = { .entrypoint = words, .labels = labels, .workdir = dir };
	cleanup_free char *text = NULL;
	struct spec spec;

	(void)state;
	assert_int_equal(spec_begin(&spec, &says, NULL, &err), 0);
	assert_string_equal(spec_text(&spec, "WorkingDir"), "/w");
	text = spec_write(&spec, &err);
	assert_contains(text, "runscript");
	assert_contains(text, "\"a\": \"b=c\"");
	spec_done(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ignores),
		cmocka_unit_test_setup_teardown(copies, setup_copy, teardown_copy),
		cmocka_unit_test_setup_teardown(refuses, setup_copy, teardown_copy),
		cmocka_unit_test_setup_teardown(links, setup_copy, teardown_copy),
		cmocka_unit_test_setup_teardown(leaves_out, setup_copy, teardown_copy),
		cmocka_unit_test_teardown(plans, teardown_stages),
		cmocka_unit_test_teardown(unplanned, teardown_stages),
		cmocka_unit_test(paths),
		cmocka_unit_test(configures),
		cmocka_unit_test(configures_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
