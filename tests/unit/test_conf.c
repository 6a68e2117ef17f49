/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_conf.c - davit.conf: what is taken, what is refused and how, and whose files are believed.
 * For its syntax see test_yaml.c.
 */
#include "launcher/conf/conf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/conf/templates.h"
#include "tests/unit/unit.h"

/* The site's text, and a user's unless NULL. */
static int parse(struct conf *conf, const char *site, const char *user, struct error *err)
{
	assert_int_equal(conf_init(conf, err), 0);
	if (conf_parse(conf, CONF_SITE, "site", site, strlen(site), err) < 0)
		return -1;
	return user ? conf_parse(conf, CONF_USER, "user", user, strlen(user), err) : 0;
}

static void parse_well(struct conf *conf, const char *site, const char *user)
{
	struct error err = ERROR_INIT;

	if (parse(conf, site, user, &err) < 0)
		fail_msg("refused: %s", err.cause);
}

static const struct choice_item *item(const struct conf *conf, const char *name)
{
	return &conf->choices.items[settings_find(name) - settings_options];
}

static void nothing_is_fine(void **state)
{
	static const char *const texts[] = { "",
					     "\n",
					     "# comment\n",
					     "---\n",
					     "{}\n",
					     "mounts:\n",
					     "environment:\n  set:\n",
					     "\xef\xbb\xbf# BOM\n" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct conf conf;

		parse_well(&conf, texts[i], texts[i]);
		assert_string_equal(conf.writable_size, "20%");
		assert_string_equal(conf.state_dir, "/var/tmp");
		assert_null(conf.import_cache);
		assert_int_equal(conf.import_cache_max, (uint64_t)50 << 30);
		assert_false(conf.subids);
		assert_true(conf.user_config);
		assert_string_equal(conf.host_only[0], "LD_PRELOAD");
		assert_int_equal(conf.mounts.count, 0);
		assert_int_equal(conf.environment.len, 0);
		conf_done(&conf);
	}
}

static void options(void **state)
{
	struct conf conf;

	(void)state;
	parse_well(&conf,
		   "mount-home: no\n"
		   "unshare: [ipc, uts]\n"
		   "env: {A: 'x,y', B: no}\n"
		   "workdir: /site\n",
		   "# mine\n"
		   "workdir: '/us''er'\n"
		   "writable: size=4g\n");
	assert_string_equal(item(&conf, "mount-home")->value, "no");
	assert_string_equal(item(&conf, "mount-home")->origin, "site:1");
	assert_string_equal(item(&conf, "unshare")->value, "ipc,uts");
	assert_string_equal(item(&conf, "env")->value, "A=x\\,y,B=no");
	assert_string_equal(item(&conf, "env")->origin, "site:3");
	assert_string_equal(item(&conf, "workdir")->value, "/us'er");
	assert_string_equal(item(&conf, "workdir")->origin, "user:2");
	assert_string_equal(item(&conf, "writable")->value, "size=4g");
	assert_null(item(&conf, "image")->value);
	conf_done(&conf);
	parse_well(&conf, "env: [HOME, 'A=1,2']\n", NULL);
	assert_string_equal(item(&conf, "env")->value, "HOME,A=1\\,2");
	conf_done(&conf);
}

static void mounts(void **state)
{
	struct conf conf;

	(void)state;
	parse_well(&conf,
		   "mounts:\n"
		   "  - /a:/b:ro\n"
		   "  - {source: '/c:d,e', target: /d, flags: [ro, noexec], optional: yes}\n"
		   "  - {source: /e, flags: ro+bind}\n"
		   "  - tmpfs:/t:size=1g\n",
		   "mounts: ['/mine', 'umount:/b']\n");
	assert_int_equal(conf.mounts.count, 6);
	assert_string_equal(conf.mounts.items[0].source, "/a");
	assert_string_equal(conf.mounts.items[0].target, "/b");
	assert_false(conf.mounts.items[0].optional);
	assert_string_equal(conf.mounts.items[1].source, "/c:d,e");
	assert_string_equal(conf.mounts.items[1].target, "/d");
	assert_true(conf.mounts.items[1].optional);
	assert_string_equal(conf.mounts.items[2].target, "/e");
	assert_false(conf.mounts.items[2].recursive);
	assert_int_equal(conf.mounts.items[3].kind, MOUNT_TMPFS);
	assert_string_equal(conf.mounts.items[4].source, "/mine");
	assert_int_equal(conf.mounts.items[5].kind, MOUNT_UMOUNT);
	conf_done(&conf);
}

static void environment(void **state)
{
	static const char expected[] = "US_*\0SA=1\0SB=yes\0PPATH=/s\0ALIB=/l\0SC=\0PPATH=/u";
	struct conf conf;

	(void)state;
	parse_well(&conf,
		   "environment:\n"
		   "  append: {LIB: /l}\n"
		   "  prepend: {PATH: /s}\n"
		   "  set: {A: 1, B: yes}\n"
		   "  unset: [S_*]\n"
		   "  host-only: [X, 'Y_*']\n",
		   "environment: {prepend: {PATH: /u}, set: {C: ''}}\n");
	assert_int_equal(conf.environment.len, sizeof(expected));
	assert_memory_equal(conf.environment.text, expected, sizeof(expected));
	assert_string_equal(conf.host_only[0], "X");
	assert_string_equal(conf.host_only[1], "Y_*");
	assert_null(conf.host_only[2]);
	conf_done(&conf);
	parse_well(&conf, "environment: {host-only: []}\n", NULL);
	assert_null(conf.host_only[0]);
	conf_done(&conf);
}

static void host_mpi(void **state)
{
	struct conf conf;

	(void)state;
	parse_well(&conf,
		   "mpi: auto\n"
		   "host-mpi: [/opt/a//lib/libmpi.so.40, /opt/b/libmpi.so.12]\n"
		   "host-mpi-directories: [/opt/a]\n",
		   "host-mpi:\n  - /home/me/libmpi.so.40\n");
	assert_string_equal(conf.host_mpi[0], "/home/me/libmpi.so.40"); /* the user's come first */
	assert_string_equal(conf.host_mpi[1], "/opt/a/lib/libmpi.so.40");
	assert_string_equal(conf.host_mpi[2], "/opt/b/libmpi.so.12");
	assert_null(conf.host_mpi[3]);
	assert_string_equal(conf.host_mpi_directories[0], "/opt/a");
	assert_null(conf.host_mpi_directories[1]);
	conf_done(&conf);
}

static void the_rest(void **state)
{
	struct conf conf;
	struct choices user = { .items = { { NULL, NULL } } };
	struct error err = ERROR_INIT;

	(void)state;
	parse_well(&conf,
		   "writable-size: 4g\n"
		   "state-dir: /scratch//davit/\n"
		   "stage-dir: /local//%u/%n/\n"
		   "stage-wait: 7\n"
		   "subids: on\n"
		   "user-config: no\n"
		   "forbid:\n"
		   "  - slurm\n"
		   "  - mounts\n",
		   NULL);
	assert_string_equal(conf.writable_size, "4g");
	assert_string_equal(conf.state_dir, "/scratch/davit");
	assert_string_equal(conf.stage_dir, "/local/%u/%n");
	assert_int_equal(conf.stage_wait, 7);
	assert_true(conf.subids);
	assert_false(conf.user_config);
	assert_int_equal(choices_set(&user, "workdir", "/w", "--workdir", &err), 0);
	assert_int_equal(conf_check(&conf, &user, &err), 0);
	assert_int_equal(choices_set(&user, "no-slurm", NULL, "--container-no-slurm", &err), 0);
	assert_int_equal(conf_check(&conf, &user, &err), -1);
	assert_cause(&err, "--container-no-slurm: site:8 forbids the option 'slurm'");
	assert_remedy(&err, "leave it out, or ask your admin");
	choices_done(&user);
	conf_done(&conf);
}

/* The bound of the site's is one for everybody, itself and the user's file too. */
static void bound_of_the_cache(void **state)
{
	static const struct {
		const char *site, *user, *option, *cause;
	} cases[] = {
		{ "image-cache-max: 64m\n", NULL, "65m",
		  "--image-cache: site:1 allows an 'image-cache' of 64 MiB at most, not '65m'" },
		{ "image-cache-max: 64m\n", "\nimage-cache: 1g\n", NULL,
		  "user:2: site:1 allows an 'image-cache' of 64 MiB at most, not '1g'" },
		{ "image-cache: 128m\nimage-cache-max: 64m\n", NULL, NULL,
		  "site:1: site:2 allows an 'image-cache' of 64 MiB at most, not '128m'" },
		{ "image-cache-max: 64m\n", NULL, "64m", NULL },
		{ "image-cache-max: 64m\n", "image-cache: 1g\n", "65536k", NULL },
		{ "image-cache: 32m\nimage-cache-max: 64m\n", "image-cache: 2m\n", NULL, NULL },
		{ "image-cache: 1g\n", NULL, "64g", NULL },
		{ "image-cache-max: 64m\n", NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf conf;
		struct choices user = { .items = { { NULL, NULL } } };
		struct error err = ERROR_INIT;

		parse_well(&conf, cases[i].site, cases[i].user);
		if (cases[i].option)
			assert_int_equal(choices_set(&user, "image-cache", cases[i].option,
						     "--image-cache", &err),
					 0);
		assert_int_equal(conf_check(&conf, &user, &err), cases[i].cause ? -1 : 0);
		if (cases[i].cause) {
			assert_cause(&err, cases[i].cause);
			assert_remedy(&err, "64m, or ask your admin");
		}
		choices_done(&user);
		conf_done(&conf);
	}
}

static void templates(void **state)
{
	struct conf conf;
	struct error err = ERROR_INIT;
	char source[] = "/tmp/davit-test-XXXXXX", text[256];
	int fd = mkstemp(source);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "100 %n\n", 7), 7);
	close(fd);
	setenv("HOME", "/home/me", 1);
	setenv("SLURMD_NODENAME", "n7", 1);
	unsetenv("SLURM_JOB_ID");
	snprintf(text, sizeof(text),
		 "files:\n"
		 "  - {path: /etc//a, content: \"%%U at %%n, 5%%%%, %%h, [%%j]\\n\"}\n"
		 "  - {path: /etc/b, source: %s}\n"
		 "  - {path: /etc/c, source: /nonesuch, optional: yes}\n",
		 source);
	parse_well(&conf, text, NULL);
	assert_int_equal(conf.template_count, 3);
	assert_string_equal(conf.templates[0].path, "/etc/a");
	assert_int_equal(template_fill(&conf.templates[0], &err), 1);
	snprintf(text, sizeof(text), "%u at n7, 5%%, /home/me, []\n", geteuid());
	assert_string_equal(conf.templates[0].content, text);
	assert_int_equal(template_fill(&conf.templates[1], &err), 1);
	assert_string_equal(conf.templates[1].content, "100 %n\n");
	assert_int_equal(template_fill(&conf.templates[2], &err), 0);
	conf.templates[2].optional = false;
	assert_int_equal(template_fill(&conf.templates[2], &err), -1);
	assert_cause(&err,
		     "cannot use '/nonesuch' as the source of '/etc/c': No such file or directory");
	conf_done(&conf);
	unlink(source);
}

struct refusal {
	const char *text, *cause, *remedy;
};

static const struct refusal values[] = {
	{ "mount: []\n", "site:1: unknown key 'mount'", "'mounts'" },
	{ "\n\nwritablesize: 1g\n", "site:3: unknown key 'writablesize'", "'writable-size'" },
	{ "zzz: 1\n", "site:1: unknown key 'zzz'", "the keys in davit.conf(5)" },
	{ "readonly: yes\n", "site:1: 'readonly' is the opposite of the option 'writable'",
	  "'writable'" },
	{ "name: a\n", "site:1: 'name' cannot have a default: each job names its own",
	  "--container-name" },
	{ "save: a\n", "site:1: 'save' cannot have a default: each job names its own",
	  "--container-save" },
	{ "image: a.sqfs\n", "site:1: 'image' cannot have a default: each job names its own",
	  "--container-image" },
	{ "mount-home: maybe\n", "site:1: 'mount-home': 'maybe' is neither yes nor no",
	  "yes or no" },
	{ "mount-home:\n", "site:1: 'mount-home' takes text, not nothing", "mount-home: VALUE" },
	{ "mount-home: [yes]\n", "site:1: 'mount-home' takes text, not a list",
	  "mount-home: VALUE" },
	{ "workdir: w\n", "site:1: 'workdir': 'w' is not an absolute path",
	  "the path of a directory inside the container" },
	{ "unshare: [ipc, nett]\n", "site:1: 'unshare': unknown namespace 'nett'",
	  "net; there are net, net:slirp, net:host, ipc, uts, pid" },
	{ "unshare: {ipc: yes}\n", "site:1: 'unshare' takes text, not a map", "unshare: VALUE" },
	{ "env: {A: [b]}\n", "site:1: 'A' takes text, not a list", "A: VALUE" },
	{ "env: {1A: b}\n", "site:1: 'env': '1A' is not the name of a variable",
	  "NAME or NAME=VALUE, with '\\,' for a comma in the value" },
	{ "mounts: /a\n", "site:1: 'mounts' takes a list, not text", "mounts: [VALUE, VALUE]" },
	{ "mounts:\n  - /a:/b:rx\n", "site:2: mount '/a:/b:rx': unknown mount flag 'rx'", NULL },
	{ "mounts:\n  - ./a:/b\n", "site:2: mount source './a' is not absolute",
	  "the whole path, since each job has its own directory" },
	{ "mounts:\n  - {target: /b}\n", "site:2: a mount without 'source'",
	  "{source: PATH, target: PATH}" },
	{ "mounts:\n  - source: /b\n    flag: ro\n", "site:3: unknown key 'flag'", "'flags'" },
	{ "mounts:\n  - source: /b\n    optional: perhaps\n",
	  "site:3: 'optional': 'perhaps' is neither yes nor no", "yes or no" },
	{ "mounts:\n  -\n", "site:2: this entry takes text, not nothing", "- VALUE" },
	{ "environment: {sett: {A: 1}}\n", "site:1: unknown key 'sett'", "'set'" },
	{ "environment: [A]\n", "site:1: 'environment' takes a map, not a list",
	  "environment: {KEY: VALUE}" },
	{ "environment: {set: [A=1]}\n", "site:1: 'set' takes a map, not a list",
	  "set: {KEY: VALUE}" },
	{ "environment:\n  set:\n    A B: 1\n", "site:3: 'A B' is not the name of a variable",
	  "letters, digits and '_', no digit in front" },
	{ "environment: {unset: [A=B]}\n", "site:1: 'A=B' is not the name of a variable",
	  "NAME, or a pattern such as LMOD_*" },
	{ "environment: {host-only: A}\n", "site:1: 'host-only' takes a list, not text",
	  "host-only: [VALUE, VALUE]" },
	{ "files: {path: /a}\n", "site:1: 'files' takes a list, not a map",
	  "files: [VALUE, VALUE]" },
	{ "files:\n  - {path: /a}\n",
	  "site:2: a file takes 'path' and one of 'content' and 'source'",
	  "{path: PATH, content: TEXT}, or source: FILE in place of content" },
	{ "files:\n  - {path: /a, content: x, source: /y}\n",
	  "site:2: a file takes 'path' and one of 'content' and 'source'",
	  "{path: PATH, content: TEXT}, or source: FILE in place of content" },
	{ "files:\n  - {path: /a/../b, content: x}\n",
	  "site:2: '/a/../b' is not the absolute path of a file without '..'",
	  "its path in the container, such as /etc/motd" },
	{ "files:\n  - {path: /a, content: 100%}\n", "site:2: unknown pattern '%'",
	  "%u user, %U number of the user, %h home, %n node, %j job, %% percent" },
	{ "files:\n  - {path: /a, source: x}\n", "site:2: source 'x' is not absolute",
	  "the whole path of a file that each node has" },
	{ "writable-size: lots\n", "site:1: 'writable-size': 'lots' is not a size",
	  "a number with k, m, g, t or % behind it" },
	{ "image-cache-max: 20%\n", "site:1: 'image-cache-max': '20%' is not a size",
	  "NUMBER with k, m or g behind it" },
	{ "\nimage-cache-max: 1k\n", "site:2: 'image-cache-max': '1k' is too little for a cache",
	  "1m to 64g" },
	{ "import-cache: here\n", "site:1: 'import-cache': 'here' is not an absolute path",
	  "a directory of the user's that all nodes have, such as /scratch/%u/davit" },
	{ "import-cache: /x/%q\n", "site:1: 'import-cache': unknown pattern '%q'", NULL },
	{ "import-cache: [/x]\n", "site:1: 'import-cache' takes text, not a list", NULL },
	{ "import-cache-max: 5\n", "site:1: 'import-cache-max': '5' is not a size",
	  "NUMBER with m, g or t behind it, such as 50g" },
	{ "import-cache-max: 0g\n", "site:1: 'import-cache-max': '0g' is not a size", NULL },
	{ "import-cache-max: -1g\n", "site:1: 'import-cache-max': '-1g' is not a size", NULL },
	{ "import-cache-max: 99999999999t\n",
	  "site:1: 'import-cache-max': '99999999999t' is not a size", NULL },
	{ "import-cash: /x\n", "site:1: unknown key 'import-cash'", "'import-cache'" },
	{ "image-cache-max: [1g]\n", "site:1: 'image-cache-max' takes text, not a list", NULL },
	{ "image-cache: lots\n", "site:1: 'image-cache': 'lots' is not a size", NULL },
	{ "state-dir: tmp\n", "site:1: 'state-dir': 'tmp' is not an absolute path without '..'",
	  "the path of a directory that each node has, such as /var/tmp" },
	{ "stage-dir: tmp\n", "site:1: 'stage-dir': 'tmp' is not an absolute path without '..'",
	  "the path of a directory on a disk of each node, such as /var/tmp" },
	{ "stage-dir: /a/../b\n",
	  "site:1: 'stage-dir': '/a/../b' is not an absolute path without '..'", NULL },
	{ "stage-dir: /a/%x\n", "site:1: 'stage-dir': unknown pattern '%x'",
	  "%u user, %U number of the user, %h home, %n node, %j job, %% percent" },
	{ "stage-dir: [/tmp]\n", "site:1: 'stage-dir' takes text, not a list", NULL },
	{ "stage-wait: 0\n", "site:1: 'stage-wait': '0' is not a number of seconds", "1 to 3600" },
	{ "stage-wait: -3\n", "site:1: 'stage-wait': '-3' is not a number of seconds",
	  "1 to 3600" },
	{ "stage-wait: 3601\n", "site:1: 'stage-wait': '3601' is not a number of seconds", NULL },
	{ "stage-wait: 99999999999999999999\n",
	  "site:1: 'stage-wait': '99999999999999999999' is not a number of seconds", NULL },
	{ "stage-wait: 5s\n", "site:1: 'stage-wait': '5s' is not a number of seconds", NULL },
	{ "stage: disk\n", "site:1: 'stage': 'disk' is none of shared, local, memory, auto", NULL },
	{ "mpi: node\n", "site:1: 'mpi': 'node' is none of image, host, auto", NULL },
	{ "host-mpi: /opt/libmpi.so\n", "site:1: 'host-mpi' takes a list, not text",
	  "host-mpi: [VALUE, VALUE]" },
	{ "host-mpi:\n  - /a/libmpi.so\n  - lib/libmpi.so\n",
	  "site:3: 'host-mpi': 'lib/libmpi.so' is not an absolute path without '..'",
	  "the path of a file or directory that each node has" },
	{ "host-mpi-directories: [/a/../b]\n",
	  "site:1: 'host-mpi-directories': '/a/../b' is not an absolute path without '..'", NULL },
	{ "host-mpi-directories: [[/a]]\n", "site:1: this entry takes text, not a list",
	  "- VALUE" },
	{ "subids: 2\n", "site:1: 'subids': '2' is neither yes nor no", "yes or no" },
	{ "forbid:\n  - slrm\n", "site:2: no option is called 'slrm'", "'slurm'" },
	{ "forbid: [image]\n", "site:1: 'image' cannot be forbidden: there is no container without",
	  "" },
	{ "forbid: [no-slurm]\n", "site:1: 'no-slurm' is the opposite of the option 'slurm'",
	  "'slurm'" },
};

static void bad_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct conf conf;
		struct error err = ERROR_INIT;

		if (parse(&conf, values[i].text, NULL, &err) == 0)
			fail_msg("not refused: %s", values[i].text);
		assert_cause(&err, values[i].cause);
		if (values[i].remedy)
			assert_remedy(&err, values[i].remedy);
		conf_done(&conf);
	}
}

static void limits_of_users(void **state)
{
	static const char *const sites[] = { "image-cache-max: 1g\n", "files: []\n",
					     "writable-size: 1g\n",   "state-dir: /x\n",
					     "subids: yes\n",         "user-config: yes\n",
					     "forbid: []\n" };
	static const struct refusal cases[] = {
		{ "environment:\n  host-only: []\n",
		  "user:2: 'host-only' is for the site's davit.conf only", NULL },
		{ "\nslurm: no\n", "user:2: site:1 forbids the option 'slurm'", NULL },
		{ "mounts: [/a]\n", "user:1: site:1 forbids the option 'mounts'", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sites); i++) {
		struct conf conf;
		struct error err = ERROR_INIT;

		assert_int_equal(parse(&conf, "", sites[i], &err), -1);
		assert_contains(err.cause, "' is for the site's davit.conf only");
		assert_remedy(&err, "leave it out, or ask your admin");
		conf_done(&conf);
	}
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf conf;
		struct error err = ERROR_INIT;

		assert_int_equal(parse(&conf, "forbid: [slurm, mounts]\n", cases[i].text, &err),
				 -1);
		assert_cause(&err, cases[i].cause);
		assert_remedy(&err, "leave it out, or ask your admin");
		conf_done(&conf);
	}
}

/* Reads `path` as `owner`'s; the cause without the path, or "absent" or "fine". */
static const char *verdict(const char *path, enum conf_layer owner)
{
	static struct error err;
	char *text = NULL;
	size_t len;
	int found;

	err = (struct error)ERROR_INIT;
	found = conf_read_file(path, owner, &text, &len, &err);
	free(text);
	if (found >= 0)
		return found ? "fine" : "absent";
	return err.cause + strlen("cannot use '") + strlen(path) + strlen("': ");
}

/* As root, since files have to be given away. */
static void whose_files(void **state)
{
	char dir[] = "/tmp/davit-test-XXXXXX", path[64], link[64], fifo[64];
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	chmod(dir, 0755);
	snprintf(path, sizeof(path), "%s/davit.conf", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_string_equal(verdict(path, CONF_SITE), "absent");
	assert_string_equal(verdict(path, CONF_USER), "absent");
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_string_equal(verdict(path, CONF_SITE), "fine");
	assert_int_equal(symlink("davit.conf", link), 0);
	assert_string_equal(verdict(link, CONF_SITE), "fine");
	assert_int_equal(mkfifo(fifo, 0644), 0);
	assert_string_equal(verdict(fifo, CONF_SITE), "it is not a regular file");
	assert_string_equal(verdict(fifo, CONF_USER), "it is not a regular file");
	assert_string_equal(verdict("/tmp", CONF_USER), "it is not a regular file");

	assert_int_equal(fchmod(fd, 0664), 0);
	assert_string_equal(verdict(path, CONF_SITE), "others than root may write to it");
	assert_string_equal(verdict(path, CONF_USER), "fine");
	assert_int_equal(fchmod(fd, 0646), 0);
	assert_string_equal(verdict(path, CONF_SITE), "others than root may write to it");
	assert_string_equal(verdict(path, CONF_USER), "everybody may write to it");
	assert_string_equal(verdict(path, CONF_ANYBODY), "fine");
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(fchown(fd, 12345, 0), 0);
	assert_string_equal(verdict(path, CONF_SITE), "it does not belong to root");
	assert_string_equal(verdict(path, CONF_USER), "it belongs to another user");
	assert_int_equal(fchown(fd, 0, 0), 0);

	assert_int_equal(chmod(dir, 0777), 0);
	assert_contains(verdict(path, CONF_SITE), "root may write to it");
	assert_int_equal(ftruncate(fd, YAML_SIZE_MAX + 1), 0);
	assert_string_equal(verdict(path, CONF_USER), "it has more than 1 MiB");
	close(fd);
	unlink(fifo);
	unlink(link);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_fine),
		cmocka_unit_test(options),
		cmocka_unit_test(mounts),
		cmocka_unit_test(environment),
		cmocka_unit_test(host_mpi),
		cmocka_unit_test(the_rest),
		cmocka_unit_test(bound_of_the_cache),
		cmocka_unit_test(templates),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(limits_of_users),
		cmocka_unit_test(whose_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
