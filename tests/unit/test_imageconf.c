/* SPDX-License-Identifier: BSD-3-Clause */
/* test_imageconf.c - what images say about themselves, in trees as each program leaves them. */
#include "tests/unit/unit.h"

#include "images/imageconf.h"
#include "tests/unit/tree.h"

static struct image image;
static struct image_config config;
static struct error err;

static int read_config(void)
{
	cleanup_close int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	image_config_done(&config);
	err = (struct error)ERROR_INIT;
	return image_config_read(&config, root, &image, &err);
}

/* `expected` is what a list holds, each entry with a '|' behind it; "" stands for NULL. */
static void assert_list(char *const *list, const char *expected)
{
	char joined[4096] = "";
	size_t len = 0;

	for (size_t i = 0; list && list[i]; i++)
		len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%s|", list[i]);
	assert_string_equal(joined, expected);
	if (expected[0] == '\0')
		assert_null(list);
}

static int setup(void **state)
{
	static char path[] = "/x.sqfs";

	image = (struct image)IMAGE_INIT;
	image.path = path;
	return tree_setup(state);
}

static int teardown(void **state)
{
	image_config_done(&config);
	return tree_teardown(state);
}

static void nothing(void **state)
{
	(void)state;
	put("bin/hello", "");
	assert_int_equal(read_config(), 0);
	assert_null(config.origin);
	assert_null(config.env);
	assert_null(config.workdir);
	assert_null(config.entrypoint);
	assert_null(config.command);
	assert_null(config.labels);
	assert_false(config.scripts);
}

static void own_file(void **state)
{
	(void)state;
	put(".davit/config.json",
	    "{ \"architecture\": \"amd64\", \"config\": {\n"
	    "  \"Env\": [\"PATH=/opt/bin:/bin\", \"EMPTY=\", \"A=b=c\", \"LINES=1\\n2\"],\n"
	    "  \"Entrypoint\": [\"/entry\", \"a b\"], \"Cmd\": [\"run\"],\n"
	    "  \"WorkingDir\": \"/work\", \"Labels\": {\"org.x\": \"y\", \"empty\": \"\"},\n"
	    "  \"User\": \"nobody\", \"Volumes\": {\"/v\": {}} } }");
	assert_int_equal(read_config(), 0);
	assert_string_equal(config.origin, "/.davit/config.json");
	assert_list(config.env, "PATH=/opt/bin:/bin|EMPTY=|A=b=c|LINES=1\n2|");
	assert_list(config.entrypoint, "/entry|a b|");
	assert_list(config.command, "run|");
	assert_list(config.labels, "org.x=y|empty=|");
	assert_string_equal(config.workdir, "/work");
}

static void own_file_with_nothing_in_it(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"config\": null}",
		"{\"config\": {}}",
		"{\"config\": {\"Env\": null, \"Entrypoint\": null, \"Labels\": null}}",
		"{\"config\": {\"Env\": [], \"Cmd\": [], \"WorkingDir\": \"\", \"Labels\": {}}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		put(".davit/config.json", texts[i]);
		assert_int_equal(read_config(), 0);
		assert_string_equal(config.origin, "/.davit/config.json");
		assert_null(config.env);
		assert_null(config.workdir);
		assert_null(config.entrypoint);
		assert_null(config.command);
		assert_null(config.labels);
	}
}

#define OWN "'/.davit/config.json' in image '/x.sqfs': "
#define OWN_REMEDY                                                                              \
	"an OCI image configuration there, as 'skopeo inspect --config' prints it, or none at " \
	"all"

static void own_file_refused(void **state)
{
	static const struct {
		const char *text, *cause;
	} cases[] = {
		{ "", OWN "line 1: '[' or '{' expected near end of file" },
		{ "[]", OWN "it is not a JSON object" },
		{ "{\"config\": {}", OWN "line 1: '}' expected near end of file" },
		{ "{\n\"config\":\n{]}", OWN "line 3: string or '}' expected near ']'" },
		{ "{} x", OWN "line 1: end of file expected near 'x'" },
		{ "{\"config\": []}", OWN "'config' is not an object" },
		{ "{\"config\": {\"Env\": {}}}", OWN "'config.Env' is not an array" },
		{ "{\"config\": {\"Env\": [\"A=b\", 1]}}", OWN "'config.Env[1]' is not a string" },
		{ "{\"config\": {\"Env\": [\"A\"]}}",
		  OWN "'config.Env[0]' is not NAME=VALUE: 'A'" },
		{ "{\"config\": {\"Env\": [\"\"]}}", OWN "'config.Env[0]' is not NAME=VALUE: ''" },
		{ "{\"config\": {\"Env\": [\"=b\"]}}",
		  OWN "'config.Env[0]' is not NAME=VALUE: '=b'" },
		{ "{\"config\": {\"Env\": [\"A=\\u0000b\"]}}",
		  OWN "line 1: \\u0000 is not allowed without JSON_ALLOW_NUL near "
		      "'\"A=\\u0000b\"'" },
		{ "{\"config\": {\"WorkingDir\": 1}}", OWN "'config.WorkingDir' is not a string" },
		{ "{\"config\": {\"WorkingDir\": \"a\\nb\"}}",
		  OWN "'config.WorkingDir' is not an absolute path: 'a?b'" },
		{ "{\"config\": {\"Entrypoint\": \"sh\"}}",
		  OWN "'config.Entrypoint' is not an array" },
		{ "{\"config\": {\"Cmd\": [null]}}", OWN "'config.Cmd[0]' is not a string" },
		{ "{\"config\": {\"Labels\": []}}", OWN "'config.Labels' is not an object" },
		{ "{\"config\": {\"Labels\": {\"a\": 1}}}",
		  OWN "'config.Labels' has a 'a' that is not a name with a string" },
		{ "{\"config\": {\"Labels\": {\"a=b\": \"\"}}}",
		  OWN "'config.Labels' has a 'a=b' that is not a name with a string" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		put(".davit/config.json", cases[i].text);
		assert_int_equal(read_config(), -1);
		assert_cause(&err, cases[i].cause);
		assert_remedy(&err, OWN_REMEDY);
		assert_null(config.env);
	}
}

static void deep_json_is_refused(void **state)
{
	static char text[100000];

	(void)state;
	memset(text, '[', sizeof(text));
	put_bytes(".davit/config.json", text, sizeof(text));
	assert_int_equal(read_config(), -1);
	assert_contains(err.cause, OWN "line 1: maximum parsing depth reached");
}

static void own_file_of_the_wrong_kind(void **state)
{
	static char big[(1 << 20) + 1];

	(void)state;
	memset(big, ' ', sizeof(big));
	put_bytes(".davit/config.json", big, sizeof(big));
	assert_int_equal(read_config(), -1);
	assert_cause(&err, OWN "it is larger than 1 MiB");
	assert_remedy(&err, OWN_REMEDY);
	assert_int_equal(unlink(".davit/config.json"), 0);
	assert_int_equal(mkfifo(".davit/config.json", 0644), 0);
	assert_int_equal(read_config(), -1);
	assert_cause(&err, OWN "it is not a regular file");
	assert_int_equal(unlink(".davit/config.json"), 0);
	assert_int_equal(symlink("config.json", ".davit/config.json"), 0);
	assert_int_equal(read_config(), -1);
	assert_cause(&err, OWN "cannot read it: Too many levels of symbolic links");
}

static void links_stay_inside(void **state)
{
	char path[PATH_MAX + 16];

	(void)state;
	/* The name of a file of the node's means one in the image. */
	put("node.json", "{\"config\": {\"Env\": [\"WHERE=node\"]}}");
	snprintf(path, sizeof(path), "%s/node.json", tree);
	assert_int_equal(mkdir(".davit", 0755), 0);
	assert_int_equal(symlink(path, ".davit/config.json"), 0);
	assert_int_equal(read_config(), 0);
	assert_null(config.origin);
	assert_int_equal(unlink(".davit/config.json"), 0);
	assert_int_equal(symlink("../../../node.json", ".davit/config.json"), 0);
	assert_int_equal(read_config(), 0);
	assert_list(config.env, "WHERE=node|");
}

static void bundle(void **state)
{
	static char text[] = "{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"rootfs\"},"
			     "\"process\": {\"env\": [\"A=1\"], \"cwd\": \"/srv\","
			     "\"args\": [\"sh\", \"-l\"]}, \"annotations\": {\"k\": \"v\"}}";
	static char wrong[] = "{\"process\": {\"env\": \"A=1\"}}";

	(void)state;
	put("etc/environment", "B=2\n");
	image.bundle_config = text;
	assert_int_equal(read_config(), 0);
	assert_string_equal(config.origin, "config.json");
	assert_list(config.env, "A=1|");
	assert_list(config.command, "sh|-l|");
	assert_list(config.entrypoint, "");
	assert_list(config.labels, "k=v|");
	assert_string_equal(config.workdir, "/srv");

	image.bundle_config = wrong;
	assert_int_equal(read_config(), -1);
	assert_cause(&err, "'config.json' of bundle '/x.sqfs': 'process.env' is not an array");
	assert_remedy(&err, "mend it, or name the root directory itself with --container");

	/* What is in the image goes first. */
	put(".davit/config.json", "{}");
	assert_int_equal(read_config(), 0);
	assert_string_equal(config.origin, "/.davit/config.json");
}

static void apptainer(void **state)
{
	(void)state;
	put(".singularity.d/env/01-base.sh", "#!/bin/sh\n# nothing\n\n");
	put(".singularity.d/env/10-docker2singularity.sh",
	    "#!/bin/sh\n"
	    "export PATH=\"/usr/local/bin:/bin\"\n"
	    "export LANG=\"${LANG:-\"C.UTF-8\"}\"\n"
	    "export ODD=\"${ODD:-\"a \\\"b\\\" \\$c \\`d\\` \\\\\"}\"\n"
	    "export EMPTY=\"\"\n");
	put(".singularity.d/env/90-environment.sh", "    export ONE='single $x'  \n"
						    "export TWO=plain-1.2/3:4\n");
	put(".singularity.d/env/94-appsbase.sh", "if true; then\nexport NO=1\nfi\n");
	put(".singularity.d/env/99-base.sh", "PS1=\"Singularity> \"\nexport PS1\n");
	put(".singularity.d/env/README", "export NO=1\n");
	put(".singularity.d/labels.json", "{\"maker\": \"me\", \"odd\": 1, \"\": \"x\"}");
	put(".singularity.d/runscript", "#!/bin/sh\nexec \"$@\"\n");
	put("etc/environment", "NO=1\n");
	put("ch/environment", "NO=1\n");
	assert_int_equal(read_config(), 0);
	assert_string_equal(config.origin, "/.singularity.d");
	assert_list(config.env,
		    "PATH=/usr/local/bin:/bin|LANG=C.UTF-8|ODD=a \"b\" $c `d` \\|EMPTY=|"
		    "ONE=single $x|TWO=plain-1.2/3:4|");
	assert_list(config.entrypoint, "/.singularity.d/runscript|");
	assert_list(config.command, "");
	assert_list(config.labels, "maker=me|");
	assert_null(config.workdir);
	assert_false(config.scripts);

	assert_int_equal(chmod(".singularity.d/runscript", 0644), 0);
	put(".singularity.d/labels.json", "{");
	assert_int_equal(read_config(), 0);
	assert_list(config.entrypoint, "");
	assert_list(config.labels, "");
}

static void apptainer_needs_a_shell(void **state)
{
	static const char *const lines[] = {
		"export A=$B",           "export A=\"$B\"",       "export A=\"`id`\"",
		"export A=\"two",        "export A='two",         "export A=\"${B:-\"x\"}\"",
		"export A=\"${A:-$B}\"", "export A=~/x",          "export A=b C=d",
		"export A=b; id",        "export A=b\\ c",        "export A",
		"export 1A=b",           "export A=\"b\"'c'",     "export A=\"\\n\"",
		"export A=(b)",          "export A=\"${A:-\"x\"",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		snprintf(text, sizeof(text), "export X=1\n%s\nexport Y=2", lines[i]);
		put(".singularity.d/env/90-environment.sh", text);
		assert_int_equal(read_config(), 0);
		assert_list(config.env, "X=1|Y=2|");
		assert_true(config.scripts);
	}
	/* What follows other commands may hang on them. */
	put(".singularity.d/env/90-environment.sh", "export X=1\nif false; then\nexport Y=2\nfi\n");
	put(".singularity.d/env/91-environment.sh", "export Z=3\n");
	assert_int_equal(read_config(), 0);
	assert_list(config.env, "X=1|Z=3|");
	assert_true(config.scripts);
}

static void charliecloud(void **state)
{
	(void)state;
	put("ch/environment", "A=1\n\nB='two words'\nC=\"x\"\nD=''\nE='\n=no\nno\n F=no\n"
			      "G=$HOME:/x\nH=''''\nI= \nexport J=no");
	put("etc/environment", "NO=1\n");
	assert_int_equal(read_config(), 0);
	assert_string_equal(config.origin, "/ch/environment");
	assert_list(config.env, "A=1|B=two words|C=\"x\"|D=|E='|G=$HOME:/x|H=''|I= |");
}

static void enroot(void **state)
{
	(void)state;
	put("etc/environment", "# comment\nA=1\n\n  export B=\"two words\"  \nC='x'\nD=a # b\n"
			       "E=\nno\n1F=no\nG-H=no\nI=\"\nJ=it's\r\nexport\n");
	assert_int_equal(read_config(), 0);
	assert_string_equal(config.origin, "/etc/environment");
	assert_list(config.env, "A=1|B=two words|C=x|D=a # b|E=|I=\"|J=it's\r|");
	assert_list(config.entrypoint, "");

	put("etc/rc", "# maintainer me\n\nmkdir -p \"/work dir\" 2> /dev/null\n"
		      "cd \"/work dir\" && unset OLDPWD || exit 1\n\nif [ $# -gt 0 ]; then\n"
		      "    exec '/entry' \"$@\"\nfi\n");
	assert_int_equal(read_config(), 0);
	assert_list(config.entrypoint, "/bin/sh|/etc/rc|");
	assert_string_equal(config.workdir, "/work dir");

	put("etc/rc", "cd \"/$x\" && unset OLDPWD || exit 1\ncd /else\ncd \"rel\" || exit 1\n");
	assert_int_equal(unlink("etc/environment"), 0);
	assert_int_equal(read_config(), 0);
	assert_string_equal(config.origin, "/etc/rc");
	assert_null(config.env);
	assert_null(config.workdir);
}

static void foreign_files_of_the_wrong_kind(void **state)
{
	(void)state;
	assert_int_equal(mkdir("etc", 0755), 0);
	assert_int_equal(mkfifo("etc/environment", 0644), 0);
	assert_int_equal(symlink("rc", "etc/rc"), 0);
	put("ch/environment/file", "A=1\n");
	put(".singularity.d", "A=1\n");
	assert_int_equal(read_config(), 0);
	assert_null(config.origin);
}

static void many_variables(void **state)
{
	static char text[1 << 20];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "A=1\n"[i % 4];
	put_bytes("ch/environment", text, sizeof(text));
	assert_int_equal(read_config(), 0);
	while (config.env[count])
		count++;
	assert_int_equal(count, sizeof(text) / 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing),
		TEST(own_file),
		TEST(own_file_with_nothing_in_it),
		TEST(own_file_refused),
		TEST(deep_json_is_refused),
		TEST(own_file_of_the_wrong_kind),
		TEST(links_stay_inside),
		TEST(bundle),
		TEST(apptainer),
		TEST(apptainer_needs_a_shell),
		TEST(charliecloud),
		TEST(enroot),
		TEST(foreign_files_of_the_wrong_kind),
		TEST(many_variables),
	};

	return cmocka_run_group_tests_name("imageconf", tests, NULL, NULL);
}
