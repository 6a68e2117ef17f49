/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gresconf.c - gres.conf as Slurm reads it: orders and lists are those of `slurmd -G`. */
#include <stdlib.h>

#include "launcher/devices/gresconf.h"
#include "launcher/devices/hostlist.h"
#include "launcher/devices/slurmconf.h"
#include "launcher/devices/sysfs.h"
#include "tests/unit/unit.h"
#include "tests/unit/sysfs.h"

static struct gresconf conf;
static struct error err;

static int setup(void **state)
{
	unsetenv("SLURM_CONF");
	unsetenv("SLURMD_NODENAME");
	return tree_setup(state);
}

static int teardown(void **state)
{
	gresconf_done(&conf);
	return tree_teardown(state);
}

static const char *files(void)
{
	return conf.files ? joined(conf.files) : "";
}

static const char *parse(const char *text, const char *node)
{
	gresconf_done(&conf);
	err = (struct error)ERROR_INIT;
	assert_int_equal(gresconf_parse(&conf, text, strlen(text), "gpu", node, &err), 0);
	assert_string_equal(err.cause, "");
	return files();
}

static void lists_of_files(void **state)
{
	static const char *const cases[][2] = {
		{ "Name=gpu File=/dev/nvidia0", "/dev/nvidia0" },
		{ "Name=gpu File=/dev/nvidia[2-3]\n", "/dev/nvidia2 /dev/nvidia3" },
		{ "Name=gpu File=/dev/x[00-03]", "/dev/x00 /dev/x01 /dev/x02 /dev/x03" },
		{ "Name=gpu File=/dev/x[8-11]", "/dev/x8 /dev/x9 /dev/x10 /dev/x11" },
		{ "Name=gpu File=/dev/x[08-11]", "/dev/x08 /dev/x09 /dev/x10 /dev/x11" },
		{ "Name=gpu File=/dev/x[0,2-3]", "/dev/x0 /dev/x2 /dev/x3" },
		{ "Name=gpu File=/dev/x[3,0],/dev/y1", "/dev/x3 /dev/x0 /dev/y1" },
		{ "Name=gpu File=/dev/a,/dev/b,,/dev/c,", "/dev/a /dev/b /dev/c" },
		{ "Name=gpu Files=/dev/a", "/dev/a" },
		{ "Name=gpu File=/dev/a File=/dev/b", "/dev/b" },
		{ "Name=gpu MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap[21-22]",
		  "/dev/nvidia0" },
		{ "Name=gpu Count=4", "" },
		{ "Name=gpu File=", "" },
		{ "Name=gpu File=\"\"", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_string_equal(parse(cases[i][0], NULL), cases[i][1]);
		assert_false(conf.autodetects);
	}
	assert_null(conf.files);
	assert_int_equal(conf.count, 0);
}

static void syntax(void **state)
{
	static const char *const cases[][2] = {
		{ "name = \"GPU\" \\\n FILE =/dev/b,/dev/a # Type=x\n", "/dev/b /dev/a" },
		{ "# Name=gpu File=/dev/a\n#\\\nName=gpu File=/dev/b", "/dev/b" },
		{ "Name=gpu \\  \t\nFile=/dev/a", "/dev/a" },
		{ "Name=gpu \\ # more\r\nFile=/dev/a", "/dev/a" },
		{ "Name=gpu \\\\\nName=gpu File=/dev/a", "/dev/a" },
		{ "Name=gpu File=/dev/a\\#1", "/dev/a#1" },
		{ "Name=gpu File=/dev/a\\\\1", "/dev/a\\1" },
		{ "Name=gpu File=/dev/a#1", "/dev/a" },
		{ "\t Name=gpu\tFile=/dev/a\r\n", "/dev/a" },
		{ "Name=gpu Type=a100 Cores=0-7 Links=-1,0 Flags=x,y Count=1 File=/dev/a",
		  "/dev/a" },
		{ "Name=gpu File=\"/dev/a, /dev/b\"", "/dev/a /dev/b" },
		{ "Name=gpu File=\"/dev/a", "\"/dev/a" },
		{ "Name=nic File=/dev/a\nName=gpu File=/dev/b\nName=gpux File=/dev/c", "/dev/b" },
		{ "Name=gpu File+=/dev/a", "/dev/a" },
		/* Slurm ends there; we read on where it is clear what is meant. */
		{ "Name=gpu bad File=/dev/a", "" },
		{ "File=/dev/a Name=gpu", "" },
		{ "Name=gpu = File=/dev/a", "" },
		{ "Name gpu\n=\n==\n\"\"\nName=gpu File=/dev/a", "/dev/a" },
		{ "Name=gpu File=/dev/a \\", "/dev/a" },
		{ "\\", "" },
		{ "\\\n\\\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(parse(cases[i][0], NULL), cases[i][1]);
}

static void bytes(void **state)
{
	static const char text[] =
		"Name=gpu File=/dev/a\0/dev/x\nName=gpu \0\\\nName=gpu File=/dev/b";

	(void)state;
	gresconf_done(&conf);
	assert_int_equal(gresconf_parse(&conf, text, sizeof(text), "gpu", NULL, &err), 0);
	assert_string_equal(files(), "/dev/a /dev/b");
}

static void nodes(void **state)
{
	static const char text[] = "NodeName=n[1-4,7],gpu0[1-2] Name=gpu File=/dev/a\n"
				   "NodeName=rack[0-1]_n[08-11] Name=gpu File=/dev/b\n"
				   "Name=gpu NodeName=n9 File=/dev/c\n"
				   "NodeName=n1 Name=nic File=/dev/d\n";
	static const char *const cases[][2] = {
		{ "n1", "/dev/a" },
		{ "n4", "/dev/a" },
		{ "n5", "" },
		{ "n7", "/dev/a" },
		{ "n01", "" },
		{ "n17", "" },
		{ "N1", "" },
		{ "n", "" },
		{ "gpu01", "/dev/a" },
		{ "gpu1", "" },
		{ "gpu010", "" },
		{ "gpu03", "" },
		{ "rack1_n08", "/dev/b" },
		{ "rack1_n8", "" },
		{ "rack0_n11", "/dev/b" },
		{ "rack2_n11", "" },
		{ "rack0_n011", "" },
		{ "n9", "/dev/c" },
		{ "n[1-4,7]", "" },
		{ "", "" },
		{ "n1,n2", "" },
		{ "n99999999999999999999", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(parse(text, cases[i][0]), cases[i][1]);
	assert_string_equal(parse(text, NULL), "");
}

/* Lines with NodeName= come last. */
static void order_of_lines(void **state)
{
	static const char text[] = "NodeName=n1 Name=gpu Type=b File=/dev/b\n"
				   "Name=gpu Type=z File=/dev/z\n"
				   "NodeName=n1 Name=gpu Type=a File=/dev/a\n"
				   "Name=gpu Type=y File=/dev/y\n";

	(void)state;
	assert_string_equal(parse(text, "n1"), "/dev/z /dev/y /dev/b /dev/a");
	assert_string_equal(parse(text, "n2"), "/dev/z /dev/y");
}

static void autodetect(void **state)
{
	static const struct {
		const char *text;
		bool autodetects, by_pci;
		const char *files;
	} cases[] = {
		{ "AutoDetect=nvml\n", true, true, "" },
		{ "autodetect=NVIDIA", true, false, "" },
		{ "AutoDetect=rsmi\nName=gpu File=/dev/a", true, true, "/dev/a" },
		{ "AutoDetect=off", false, false, "" },
		{ "AutoDetect=nvml\nNodeName=n1 AutoDetect=Off Name=gpu File=/dev/a", false, false,
		  "/dev/a" },
		{ "NodeName=n1 AutoDetect=off\nAutoDetect=nvml", false, false, "" },
		{ "NodeName=n2 AutoDetect=nvml Name=gpu", false, false, "" },
		{ "NodeName=n1 AutoDetect=nvml Name=gpu Count=4", true, true, "" },
		/* Slurm wants NodeName= for that. */
		{ "Name=gpu AutoDetect=nvml File=/dev/a", false, false, "/dev/a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_string_equal(parse(cases[i].text, "n1"), cases[i].files);
		assert_int_equal(conf.autodetects, cases[i].autodetects);
		assert_int_equal(conf.detects_by_pci, cases[i].by_pci);
	}
}

static void check_list(const char *list, const char *expected)
{
	struct names names = { .items = NULL };

	err = (struct error)ERROR_INIT;
	assert_int_equal(hostlist_expand(&names, list, &err), 0);
	assert_string_equal(names.items ? joined(names.items) : "", expected);
	for (size_t i = 0; i < names.count; i++)
		assert_true(hostlist_has(list, names.items[i]));
	strings_free(names.items);
}

/* As `scontrol show hostnames` has it. */
static void lists(void **state)
{
	(void)state;
	check_list("rack[0-1]_blade[0-2]",
		   "rack0_blade0 rack0_blade1 rack0_blade2 rack1_blade0 rack1_blade1 rack1_blade2");
	check_list("a[1-2]b[3-4]c[5-6]", "a1b3c5 a1b3c6 a2b3c5 a2b3c6 a1b4c5 a1b4c6 a2b4c5 a2b4c6");
	check_list("n[1-2][3-4]", "n13 n14 n23 n24");
	check_list("n[01,2,003]", "n01 n2 n003");
	check_list("n[1-]", "n1");
	check_list("n[1-02]", "n1 n2");
	check_list("a b\tc", "a b c");
	check_list("n]1", "n]1");
	/* What Slurm refuses, is passed over. */
	check_list("n[", "");
	check_list("n[],a", "a");
	check_list("n[3-1],a", "a");
	check_list("n[-1],n[a-b],n[ 1-2 ],n[1,,2],n[1,],n[,1],n[1-2-3],n[1-x],a", "a");
	check_list("n[0-99999],a", "a");
	check_list("n[1234567890],n[0-12345678901234567890],a", "a");
	check_list("[1-2]", "1 2");
	assert_false(hostlist_has("n[1-2][1-2]", "n1"));
	assert_true(hostlist_has("n[1-20][1-20]", "n1111"));
	assert_false(hostlist_has("n[1-20][1-20]", "n11111"));
	assert_true(hostlist_has("n[0-9]x", "n7x"));
	assert_false(hostlist_has("n[0-9]x", "n7"));
	assert_false(hostlist_has("n[0-9", "n7"));
	assert_false(hostlist_has("", ""));
}

static void bounded(void **state)
{
	char *text = malloc(1 << 20);
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	parse("Name=gpu File=/dev/a[0-65535]\nName=gpu File=/dev/b[0-9]", NULL);
	assert_int_equal(conf.count, NAMES_MAX);
	assert_string_equal(conf.files[4095], "/dev/a4095");
	assert_null(conf.files[4096]);
	/* 65536 to the power of 8, and one bracket too many. */
	parse("Name=gpu File=a[0-65535][0-65535][0-65535][0-65535][0-65535][0-65535][0-65535]"
	      "[0-65535]\nName=gpu File=b[0][0][0][0][0][0][0][0][0]",
	      NULL);
	assert_int_equal(conf.count, NAMES_MAX);
	assert_string_equal(conf.files[0], "a00000000");
	assert_false(hostlist_has("n[1-9999][1-9999][1-9999][1-9999][1-9999][1-9999][1-9999]x",
				  "n1111111111111111111111111111111111111111111111111111111y"));

	len = (size_t)sprintf(text, "Name=gpu File=");
	memset(text + len, 'x', PATH_MAX + 100);
	sprintf(text + len + PATH_MAX + 100, ",/dev/a");
	assert_string_equal(parse(text, NULL), "/dev/a");

	len = (size_t)sprintf(text, "Name=gpu File=n[");
	while (len < (1 << 20) - 16)
		len += (size_t)sprintf(text + len, "1,");
	sprintf(text + len, "1]");
	parse(text, NULL);
	assert_int_equal(conf.count, NAMES_MAX);

	memset(text, '\\', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	assert_string_equal(parse(text, "n1"), "");
	for (size_t i = 0; i + 2 < (1 << 20); i += 2)
		memcpy(text + i, "\\\n", 2);
	assert_string_equal(parse(text, "n1"), "");
	free(text);
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char *load(const char *directory)
{
	char path[PATH_MAX * 2];

	snprintf(path, sizeof(path), "%s/%s/slurm.conf", tree, directory);
	assert_int_equal(setenv("SLURM_CONF", path, 1), 0);
	gresconf_done(&conf);
	err = (struct error)ERROR_INIT;
	assert_int_equal(gresconf_load(&conf, "gpu", &err), 0);
	assert_string_equal(err.cause, "");
	return files();
}

static void file_of_the_node(void **state)
{
	(void)state;
	put("plain/gres.conf", "NodeName=n1 Name=gpu File=/dev/a\nName=gpu File=/dev/b\n");
	unsetenv("SLURMD_NODENAME");
	assert_string_equal(load("plain"), "/dev/b");
	setenv("SLURMD_NODENAME", "", 1);
	assert_string_equal(load("plain"), "/dev/b");
	setenv("SLURMD_NODENAME", "n1", 1);
	assert_string_equal(load("plain"), "/dev/b /dev/a");
}

static void no_file(void **state)
{
	(void)state;
	if (access("/etc/slurm/gres.conf", F_OK) == 0 || access("/run/slurm/conf", F_OK) == 0)
		return;
	assert_string_equal(load("none"), "");
	assert_int_equal(mkdir("fifo", 0755), 0);
	assert_int_equal(mkfifo("fifo/gres.conf", 0644), 0);
	assert_string_equal(load("fifo"), "");
	put("directory/gres.conf/file", "");
	assert_string_equal(load("directory"), "");
	unsetenv("SLURM_CONF");
	assert_int_equal(gresconf_load(&conf, "gpu", &err), 0);
	setenv("SLURM_CONF", "slurm.conf", 1);
	assert_int_equal(gresconf_load(&conf, "gpu", &err), 0);
	setenv("SLURM_CONF", "/", 1);
	assert_int_equal(gresconf_load(&conf, "gpu", &err), 0);
	assert_null(conf.files);
}

static void included_files(void **state)
{
	char path[PATH_MAX * 2];

	(void)state;
	setenv("SLURMD_NODENAME", "n1", 1);
	snprintf(path, sizeof(path),
		 "Name=gpu File=/dev/a\ninclude  more.conf\nINCLUDE %s/include/abs.conf\n"
		 " include no.conf\nincludeno.conf\ninclude\ninclude gone.conf\ninclude .\n"
		 "Name=gpu File=/dev/d",
		 tree);
	put("include/gres.conf", path);
	put("include/more.conf", "Name=gpu File=/dev/b");
	put("include/abs.conf", "Name=gpu File=/dev/c");
	put("include/no.conf", "Name=gpu File=/dev/x");
	assert_string_equal(load("include"), "/dev/a /dev/b /dev/c /dev/d");

	/* One that includes itself, again and again. */
	put("loop/gres.conf", "Name=gpu File=/dev/a\ninclude gres.conf\ninclude gres.conf\n");
	load("loop");
	assert_in_range(conf.count, 9, 1024);
}

static void types_in_order(void **state)
{
	static const struct {
		const char *gres, *files;
	} cases[] = {
		{ "gpu:b:2,gpu:a:2", "/dev/b0 /dev/b1 /dev/a0 /dev/a1" },
		{ "gpu:a:2,gpu:b:2", "/dev/a0 /dev/a1 /dev/b0 /dev/b1" },
		{ "gpu:A:1,gpu:b:2", "/dev/a0 /dev/b0 /dev/b1 /dev/a1" },
		{ "gpu:b:1(S:0-1),gpu:a:2(S:0,1)", "/dev/b0 /dev/a0 /dev/a1 /dev/b1" },
		{ "gpu:b,nic:4,gpu:a:no_consume:2", "/dev/b0 /dev/a0 /dev/a1 /dev/b1" },
		{ "gpu:4", "/dev/a0 /dev/a1 /dev/b0 /dev/b1" },
		{ "gpu:3", "/dev/a0 /dev/a1 /dev/b0 /dev/b1" },
		{ "gpu", "/dev/a0 /dev/a1 /dev/b0 /dev/b1" },
		{ "gpu:b:0,gpu:a:2", "/dev/a0 /dev/a1 /dev/b0 /dev/b1" },
		{ "gpu:b:99999999999999999999,,:,::", "/dev/b0 /dev/b1 /dev/a0 /dev/a1" },
		{ "nic:2", "/dev/a0 /dev/a1 /dev/b0 /dev/b1" },
		{ "gpu:b:2K", "/dev/b0 /dev/b1 /dev/a0 /dev/a1" },
		{ "gpu:no_consume:3", "/dev/a0 /dev/a1 /dev/b0 /dev/b1" },
	};
	char text[1024];

	(void)state;
	setenv("SLURMD_NODENAME", "n1", 1);
	put("types/gres.conf",
	    "Name=gpu Type=a File=/dev/a[0-1]\nName=gpu Type=b File=/dev/b[0-1]\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(
			text, sizeof(text),
			"ClusterName=c\nNodeName=DEFAULT CPUs=2\nNodeName=n2 Gres=gpu:b:2,gpu:a:2\n"
			"nodename=n[1,3] CPUs=2 gres=%s State=UNKNOWN\n",
			cases[i].gres);
		put("types/slurm.conf", text);
		assert_string_equal(load("types"), cases[i].files);
	}
}

static void types_and_defaults(void **state)
{
	static const char usual[] = "/dev/a0 /dev/b0", other[] = "/dev/b0 /dev/a0";

	(void)state;
	setenv("SLURMD_NODENAME", "n1", 1);
	put("default/gres.conf", "Name=gpu Type=a File=/dev/a0\nName=gpu Type=b File=/dev/b0\n");
	assert_string_equal(load("default"), usual);
	put("default/slurm.conf", "NodeName=DEFAULT Gres=gpu:b:1,gpu:a:1\nNodeName=n1 CPUs=1\n");
	assert_string_equal(load("default"), other);
	put("default/slurm.conf", "NodeName=n1 CPUs=1\nNodeName=DEFAULT Gres=gpu:b:1,gpu:a:1\n");
	assert_string_equal(load("default"), usual);
	put("default/slurm.conf", "Include nodes.conf\n");
	put("default/nodes.conf", "NodeName=n1 \\\n  Gres=gpu:b:1,gpu:a:1\n");
	assert_string_equal(load("default"), other);
	put("default/slurm.conf", "PartitionName=p NodeName=n1 Gres=gpu:b:1,gpu:a:1\n");
	assert_string_equal(load("default"), usual);
	put("default/slurm.conf", "NodeName=n2 Gres=gpu:b:1,gpu:a:1\n");
	assert_string_equal(load("default"), usual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_files),
		cmocka_unit_test(syntax),
		cmocka_unit_test(bytes),
		cmocka_unit_test(nodes),
		cmocka_unit_test(order_of_lines),
		cmocka_unit_test(autodetect),
		cmocka_unit_test(lists),
		cmocka_unit_test(bounded),
		cmocka_unit_test(no_file),
		cmocka_unit_test(file_of_the_node),
		cmocka_unit_test(included_files),
		cmocka_unit_test(types_in_order),
		cmocka_unit_test(types_and_defaults),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
