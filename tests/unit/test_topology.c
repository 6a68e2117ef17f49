/* SPDX-License-Identifier: BSD-3-Clause */
/* test_topology.c - distances in nodes that are described by hwloc, and by a /sys. */
#include "launcher/devices/topology.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#include "common/fd.h"
#include "launcher/devices/cpulist.h"
#include "launcher/devices/topology_model.h"
#include "tests/unit/tree.h"

/* hwloc forgets some of its memory when it refuses a file. LeakSanitizer asks for this function. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libhwloc";
}

#define DATA(name) TEST_DATA "/hwloc/" name

static struct error err = ERROR_INIT;

static struct topology *load(const char *file)
{
	struct topology *topology = topology_load(file, &err);

	if (!topology)
		fail_msg("%s", err.cause);
	return topology;
}

/* Takes over `topology` and `text`. */
#define assert_text(text, expected)                   \
	do {                                          \
		char *text_ = (text);                 \
		assert_non_null(text_);               \
		assert_string_equal(text_, expected); \
		free(text_);                          \
	} while (0)

static char *list_text(const cpu_set_t *cpus)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	cpulist_print(out, cpus);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *near_cpus(const struct topology *topology, const char *pci)
{
	cpu_set_t cpus;

	topology_cpus(topology, pci, &cpus);
	return list_text(&cpus);
}

/* "0-3 4-7" */
static char *parts(const struct topology *topology, enum topology_part part)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	cpu_set_t cpus;

	assert_non_null(out);
	for (size_t i = 0; topology_part(topology, part, i, &cpus); i++) {
		cleanup_free char *list = list_text(&cpus);

		fprintf(out, "%s%s", i > 0 ? " " : "", list);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static void lists_of_cpus(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
	} table[] = {
		{ "", "" },
		{ "\n", "" },
		{ "0", "0" },
		{ "0-3,8,10-11\n", "0-3,8,10-11" },
		{ "3,2,1", "1-3" },
		{ "1023", "1023" },
		{ "1000-999999999", "1000-1023" },
		{ "1024,5", "5" },
		{ "0-3 4", "0-3" },
		{ "-1", NULL },
		{ "3-1", NULL },
		{ "1,", NULL },
		{ ",1", NULL },
		{ "1-", NULL },
		{ "1000000000", NULL },
		{ "0x1", NULL },
		{ "all", NULL },
		{ "1;2", NULL },
	};
	cpu_set_t cpus;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		int result = cpulist_parse(table[i].text, &cpus);

		assert_int_equal(result, table[i].printed ? 0 : -1);
		if (table[i].printed)
			assert_text(list_text(&cpus), table[i].printed);
	}
}

struct distances {
	const char *a, *b;
	unsigned int distance;
};

static void check_distances(const struct topology *topology, const struct distances *table,
			    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(topology_distance(topology, table[i].a, table[i].b),
				 table[i].distance);
		assert_int_equal(topology_distance(topology, table[i].b, table[i].a),
				 table[i].distance);
	}
}

static void below_switches(void **state)
{
	static const struct distances table[] = {
		{ "0000:13:00.0", "0000:13:00.0", 0 },
		{ "0000:13:00.0", "0000:14:00.0", 3 },   /* the same switch */
		{ "0000:13:00.0", "0000:15:00.0", 3 },   /* its adapter */
		{ "0000:13:00.0", "0000:01:00.0", 300 }, /* another one of its NUMA node */
		{ "0000:13:00.0", "0000:35:00.0", 400 }, /* of its package */
		{ "0000:13:00.0", "0000:55:00.0", 500 }, /* of the machine */
		{ "0000:01:00.0", "0000:02:00.0", 200 }, /* the same host bridge */
		{ "0000:73:00.0", "0000:55:00.0", 400 },
		{ "0000:13:00.0", "0000:99:00.0", UINT_MAX },
		{ "0000:99:00.0", "0000:99:00.0", UINT_MAX },
		{ "", "0000:13:00.0", UINT_MAX },
		{ "13:00.0", "0000:14:00.0", UINT_MAX },
		{ "../0000:13:00.0", "0000:14:00.0", UINT_MAX },
	};
	struct topology *topology = load(DATA("switches.xml"));

	(void)state;
	check_distances(topology, table, COUNT_OF(table));
	assert_text(near_cpus(topology, "0000:35:00.0"), "4-7");
	assert_text(near_cpus(topology, "0000:99:00.0"), "0-15");
	assert_text(near_cpus(topology, ""), "0-15");
	assert_text(parts(topology, TOPOLOGY_NODE), "0-3 4-7 8-11 12-15");
	assert_text(parts(topology, TOPOLOGY_PACKAGE), "0-7 8-15");
	assert_text(topology_place(topology, "0000:73:00.0"),
		    "package 1, NUMA node 3, bridge 0000:70:01.1");
	assert_null(topology_place(topology, "0000:99:00.0"));
	topology_free(topology);
}

static void superchips(void **state)
{
	static const struct distances table[] = {
		{ "0001:01:00.0", "0000:03:00.0", 300 },
		{ "0001:01:00.0", "0004:03:00.0", 500 },
		{ "000d:01:00.0", "000c:03:00.0", 300 },
	};
	struct topology *topology = load(DATA("superchips.xml"));

	(void)state;
	check_distances(topology, table, COUNT_OF(table));
	assert_text(near_cpus(topology, "000c:03:00.0"), "12-15");
	assert_text(topology_place(topology, "000d:01:00.0"),
		    "package 3, NUMA node 3, bridge 000d:00:00.0");
	topology_free(topology);
}

/* Devices below a cache, one of an unusual class, and a NUMA node that is memory alone. */
static void below_caches(void **state)
{
	static const struct distances table[] = {
		{ "0000:41:00.0", "0000:41:00.1", 100 }, /* two functions of one card */
		{ "0000:41:00.0", "0000:42:00.0", 200 },
		{ "0000:41:00.0", "0000:81:00.0", 500 },
	};
	struct topology *topology = load(DATA("caches.xml"));

	(void)state;
	check_distances(topology, table, COUNT_OF(table));
	assert_text(near_cpus(topology, "0000:41:00.0"), "0-1");
	assert_text(near_cpus(topology, "0000:82:00.0"), "4-5");
	assert_text(parts(topology, TOPOLOGY_NODE), "0-1 2-3 4-5 6-7");
	topology_free(topology);
}

static void small_ones(void **state)
{
	struct topology *topology = load(DATA("single.xml"));

	(void)state;
	assert_int_equal(topology_distance(topology, "0000:01:00.0", "0000:02:00.0"), 200);
	assert_text(parts(topology, TOPOLOGY_NODE), "0-3");
	topology_free(topology);

	topology = load(DATA("no-io.xml"));
	assert_int_equal(topology_distance(topology, "0000:01:00.0", "0000:01:00.0"), UINT_MAX);
	assert_text(near_cpus(topology, "0000:01:00.0"), "0-3");
	assert_text(parts(topology, TOPOLOGY_PACKAGE), "0-1 2-3");
	topology_free(topology);
	topology_free(NULL);
}

/* hwloc's variables count; ours for it do not stay. */
static void variables(void **state)
{
	struct topology *topology;

	(void)state;
	setenv("HWLOC_XMLFILE", DATA("single.xml"), 1);
	setenv("HWLOC_PLUGINS_PATH", "/opt/plugins", 1);
	unsetenv("HWLOC_HIDE_ERRORS");
	topology = load(NULL);
	assert_text(near_cpus(topology, "0000:02:00.0"), "0-3");
	topology_free(topology);
	/* The file that is given comes first. */
	topology = load(DATA("superchips.xml"));
	assert_text(near_cpus(topology, ""), "0-15");
	topology_free(topology);
	assert_string_equal(getenv("HWLOC_PLUGINS_PATH"), "/opt/plugins");
	assert_null(getenv("HWLOC_HIDE_ERRORS"));
	unsetenv("HWLOC_PLUGINS_PATH");
	setenv("HWLOC_XMLFILE", "/nowhere.xml", 1);
	assert_null(topology_load(NULL, &err));
	assert_cause(&err, "cannot find out how near devices are, from '/nowhere.xml': "
			   "cannot open it: No such file or directory");
	setenv("HWLOC_XMLFILE", "", 1);
	topology = load(NULL);
	topology_free(topology);
	unsetenv("HWLOC_XMLFILE");
}

static void refused(const char *file, const char *cause)
{
	cleanup_free char *whole = NULL;

	assert_true(asprintf(&whole, "cannot find out how near devices are, from '%s': %s", file,
			     cause) > 0);
	assert_null(topology_load(file, &err));
	assert_cause(&err, whole);
}

static void damaged_files(void **state)
{
	static const char head[] = "<?xml version=\"1.0\"?>\n<topology version=\"2.0\">\n";
	const char senseless[] = "hwloc cannot make sense of it: Invalid argument";
	cleanup_free char *text = NULL;
	cleanup_close int fd = open(DATA("switches.xml"), O_RDONLY | O_CLOEXEC);
	size_t len;

	(void)state;
	refused("/nowhere", "cannot open it: No such file or directory");
	refused("/", "not a regular file");
	refused("/dev/zero", "not a regular file");
	assert_int_equal(mkfifo("fifo", 0666), 0);
	refused("fifo", "not a regular file");
	put("empty", "");
	refused("empty", senseless);
	put("text", "no XML");
	refused("text", senseless);
	put("head", head);
	refused("head", senseless);
	put_bytes("nul", "<?xml\0version", 13);
	refused("nul", senseless);
	text = fd_read_all(fd, 1 << 20, &len);
	assert_non_null(text);
	/* Whatever is made of a part of it: no crash, and nothing is printed. */
	for (size_t part = 0; part < len; part += 997) {
		put_bytes("part", text, part);
		topology_free(topology_load("part", &err));
	}
}

/* The kernel is asked, and all CPUs count however this process is bound. */
static void this_node(void **state)
{
	struct topology *topology;
	cpu_set_t before, one, all;
	cleanup_free char *online = NULL;
	cleanup_close int fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);

	(void)state;
	online = fd_read_all(fd, 4096, NULL);
	assert_non_null(online);
	assert_int_equal(cpulist_parse(online, &all), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &before))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	topology = load(NULL);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	topology_cpus(topology, "", &one);
	assert_true(CPU_EQUAL(&one, &all));
	assert_true(topology_part(topology, TOPOLOGY_PACKAGE, 0, &one));
	topology_free(topology);
}

static void link_device(const char *pci, const char *path)
{
	cleanup_free char *target = NULL, *link = NULL, *directory = NULL;

	assert_true(asprintf(&target, "../../../devices/%s/%s", path, pci) > 0);
	assert_true(asprintf(&directory, "sys/devices/%s/%s/class", path, pci) > 0);
	assert_true(asprintf(&link, "sys/bus/pci/devices/%s", pci) > 0);
	put(directory, "0x020700\n");
	put("sys/bus/pci/devices/.keep", "");
	assert_int_equal(symlink(target, link), 0);
}

static void put_below(const char *pci, const char *name, const char *text)
{
	char path[PATH_MAX], file[2 * PATH_MAX];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", pci);
	snprintf(file, sizeof(file), "%s/%s", path, name);
	put(file, text);
}

/* Four CPUs, two packages, of which the second is known by the older name of its file; a NUMA node
 * of memory alone. */
static void make_cpus(void)
{
	put("sys/devices/system/cpu/online", "0-3\n");
	put("sys/devices/system/cpu/cpu0/topology/package_cpus_list", "0-1\n");
	put("sys/devices/system/cpu/cpu0/topology/physical_package_id", "4\n");
	put("sys/devices/system/cpu/cpu2/topology/core_siblings_list", "2-3\n");
	put("sys/devices/system/cpu/cpu2/topology/physical_package_id", "36\n");
	put("sys/devices/system/node/has_cpu", "0,2\n");
	put("sys/devices/system/node/node0/cpulist", "0-1\n");
	put("sys/devices/system/node/node1/cpulist", "\n");
	put("sys/devices/system/node/node2/cpulist", "2-3\n");
}

static void the_kernels(void **state)
{
	static const struct distances table[] = {
		{ "0000:03:00.0", "0000:04:00.0", 3 },
		{ "0000:03:00.0", "0000:05:00.0", 200 },
		{ "0000:05:00.0", "0000:05:00.1", 100 },
		{ "0000:03:00.0", "10000:e1:00.0", 200 }, /* behind a controller of its own */
		{ "0000:03:00.0", "c05b:00:02.0", 500 },
		{ "0000:03:00.0", "0000:0a:00.0", UINT_MAX },
	};
	struct topology *topology;

	(void)state;
	make_cpus();
	link_device("0000:03:00.0", "pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:00.0");
	put_below("0000:03:00.0", "local_cpulist", "0-1\n");
	link_device("0000:04:00.0", "pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:01.0");
	put_below("0000:04:00.0", "local_cpulist", "0-1\n");
	link_device("0000:05:00.0", "pci0000:00/0000:00:02.0");
	put_below("0000:05:00.0", "local_cpulist", "0-1\n");
	link_device("0000:05:00.1", "pci0000:00/0000:00:02.0");
	link_device("10000:e1:00.0", "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0");
	put_below("10000:e1:00.0", "local_cpulist", "0-1\n");
	link_device("c05b:00:02.0", "LNXSYSTM:00/ACPI0004:00/VMBUS:00/4d7-a1/pcic05b:00");
	put_below("c05b:00:02.0", "local_cpulist", "2-3\n");
	topology = topology_load_sysfs(tree, &err);
	assert_non_null(topology);
	check_distances(topology, table, COUNT_OF(table));
	assert_text(near_cpus(topology, "c05b:00:02.0"), "2-3");
	assert_text(near_cpus(topology, "0000:05:00.1"), "0-3");
	assert_text(parts(topology, TOPOLOGY_NODE), "0-1 2-3");
	assert_text(parts(topology, TOPOLOGY_PACKAGE), "0-1 2-3");
	assert_text(topology_place(topology, "0000:04:00.0"),
		    "package 4, NUMA node 0, bridge 0000:00:01.0");
	assert_text(topology_place(topology, "c05b:00:02.0"),
		    "package 36, NUMA node 2, bridge pcic05b:00");
	assert_text(topology_place(topology, "0000:05:00.1"), "bridge 0000:00:02.0");
	topology_free(topology);
}

/* Nothing in a /sys makes it fail but that there are no CPUs. */
static void a_strange_sys(void **state)
{
	char deep[4096] = "pci0000:00";
	struct topology *topology;

	(void)state;
	assert_int_equal(mkdir("strange", 0755), 0);
	assert_int_equal(chdir("strange"), 0);
	assert_null(topology_load_sysfs("strange", &err));
	assert_cause(&err, "cannot find out how near devices are: /sys has no CPUs");
	put("sys/devices/system/cpu/online", "0-999999999\n");
	put("sys/devices/system/node/has_cpu", "0-5,7-9\n");
	put("sys/devices/system/node/node0/cpulist", "some\n");
	put("sys/devices/system/node/node1/cpulist", "1-\n");
	assert_int_equal(mkfifo("sys/devices/system/node/fifo", 0666), 0);
	put("sys/devices/system/node/node2/.keep", "");
	assert_int_equal(symlink("../fifo", "sys/devices/system/node/node2/cpulist"), 0);
	put("sys/devices/system/cpu/cpu7/topology/package_cpus_list", "2\n");
	put("sys/devices/system/cpu/cpu7/topology/physical_package_id", "-1\n");
	/* Its link names another one, no host bridge, too many bridges, itself. */
	link_device("0000:01:00.0", "pci0000:00");
	assert_int_equal(symlink("0000:01:00.0", "sys/bus/pci/devices/0000:02:00.0"), 0);
	link_device("0000:03:00.0", "platform/soc");
	for (int i = 0; i < 100; i++)
		snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), "/0000:00:00.0");
	link_device("0000:04:00.0", deep);
	assert_int_equal(symlink("0000:05:00.0", "sys/bus/pci/devices/0000:05:00.0"), 0);
	assert_int_equal(mkfifo("sys/bus/pci/devices/0000:06:00.0", 0666), 0);
	topology = topology_load_sysfs(".", &err);
	assert_non_null(topology);
	assert_text(parts(topology, TOPOLOGY_NODE), "");
	assert_text(parts(topology, TOPOLOGY_PACKAGE), "2");
	assert_text(near_cpus(topology, "0000:04:00.0"), "0-1023");
	assert_int_equal(topology_distance(topology, "0000:01:00.0", "0000:02:00.0"), UINT_MAX);
	assert_int_equal(topology_distance(topology, "0000:01:00.0", "0000:03:00.0"), UINT_MAX);
	assert_int_equal(topology_distance(topology, "0000:01:00.0", "0000:04:00.0"), 200);
	assert_int_equal(topology_distance(topology, "0000:01:00.0", "0000:05:00.0"), UINT_MAX);
	assert_int_equal(topology_distance(topology, "0000:01:00.0", "0000:06:00.0"), UINT_MAX);
	topology_free(topology);
	assert_int_equal(chdir(tree), 0);
}

/* What hwloc wants of a /sys besides; `bus` is below a bridge if it is not 0. */
static void make_device_for_hwloc(const char *pci, unsigned char secondary, const char *mask)
{
	unsigned char config[64] = { 0x86, 0x80, 0x34, 0x12 };

	config[11] = secondary ? 0x06 : 0x02;
	config[10] = secondary ? 0x04 : 0x00;
	config[14] = secondary ? 1 : 0;
	config[25] = config[26] = secondary;
	put_below(pci, "class", secondary ? "0x060400\n" : "0x020000\n");
	put_below(pci, "vendor", "0x8086\n");
	put_below(pci, "device", "0x1234\n");
	put_below(pci, "local_cpus", mask);
	put_below(pci, "local_cpulist", strcmp(mask, "3\n") == 0 ? "0-1\n" : "2-3\n");
	{
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/config", pci);
		put_bytes(path, config, sizeof(config));
	}
}

/* Both ways to know a node come to the same, on one tree. */
static void hwloc_on_the_same_sys(void **state)
{
	static const char *const devices[] = { "0000:01:00.0", "0000:02:00.0", "0000:81:00.0" };
	struct topology *kernel, *hwloc;

	(void)state;
	assert_int_equal(mkdir("both", 0755), 0);
	assert_int_equal(chdir("both"), 0);
	make_cpus();
	put("proc/meminfo", "MemTotal: 4096 kB\n");
	put("sys/devices/system/cpu/cpu2/topology/package_cpus_list", "2-3\n");
	for (int i = 0; i < 4; i++) {
		char path[256];

		snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/topology/package_cpus",
			 i);
		put(path, i < 2 ? "3\n" : "c\n");
		snprintf(path, sizeof(path),
			 "sys/devices/system/cpu/cpu%d/topology/physical_package_id", i);
		put(path, i < 2 ? "4\n" : "36\n");
	}
	put("sys/devices/system/node/online", "0-2\n");
	put("sys/devices/system/node/node0/cpumap", "3\n");
	put("sys/devices/system/node/node1/cpumap", "0\n");
	put("sys/devices/system/node/node2/cpumap", "c\n");
	link_device("0000:00:01.0", "pci0000:00");
	make_device_for_hwloc("0000:00:01.0", 1, "3\n");
	link_device("0000:01:00.0", "pci0000:00/0000:00:01.0");
	make_device_for_hwloc("0000:01:00.0", 0, "3\n");
	link_device("0000:00:02.0", "pci0000:00");
	make_device_for_hwloc("0000:00:02.0", 2, "3\n");
	link_device("0000:02:00.0", "pci0000:00/0000:00:02.0");
	make_device_for_hwloc("0000:02:00.0", 0, "3\n");
	link_device("0000:80:01.0", "pci0000:80");
	make_device_for_hwloc("0000:80:01.0", 0x81, "c\n");
	link_device("0000:81:00.0", "pci0000:80/0000:80:01.0");
	make_device_for_hwloc("0000:81:00.0", 0, "c\n");

	kernel = topology_load_sysfs(".", &err);
	assert_non_null(kernel);
	setenv("HWLOC_FSROOT", ".", 1);
	hwloc = load(NULL);
	unsetenv("HWLOC_FSROOT");
	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		cleanup_free char *cpus = near_cpus(kernel, devices[i]);
		cleanup_free char *place = topology_place(kernel, devices[i]);

		assert_text(near_cpus(hwloc, devices[i]), cpus);
		assert_text(topology_place(hwloc, devices[i]), place);
		for (size_t k = 0; k < COUNT_OF(devices); k++)
			assert_int_equal(topology_distance(hwloc, devices[i], devices[k]),
					 topology_distance(kernel, devices[i], devices[k]));
	}
	assert_text(topology_place(hwloc, "0000:81:00.0"),
		    "package 36, NUMA node 2, bridge 0000:80:01.0");
	assert_text(parts(hwloc, TOPOLOGY_NODE), "0-1 2-3");
	assert_text(parts(hwloc, TOPOLOGY_PACKAGE), "0-1 2-3");
	topology_free(kernel);
	topology_free(hwloc);
	assert_int_equal(chdir(tree), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_cpus),
		cmocka_unit_test(below_switches),
		cmocka_unit_test(superchips),
		cmocka_unit_test(below_caches),
		cmocka_unit_test(small_ones),
		cmocka_unit_test(variables),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(this_node),
		cmocka_unit_test(the_kernels),
		cmocka_unit_test(a_strange_sys),
		cmocka_unit_test(hwloc_on_the_same_sys),
	};

	return cmocka_run_group_tests_name("topology", tests, tree_setup, tree_teardown);
}
