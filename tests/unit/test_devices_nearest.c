/* SPDX-License-Identifier: BSD-3-Clause */
/* test_devices_nearest.c - which adapters ranks get, and how their GPUs are counted. */
#include "launcher/devices/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#include "common/fd.h"
#include "launcher/devices/cpulist.h"
#include "launcher/devices/nearest_table.h"
#include "tests/unit/tree.h"

#define DATA(name) TEST_DATA "/hwloc/" name

static struct error err = ERROR_INIT;

/* --- Nodes --- */

#define GPUS_MAX 16
#define NICS_MAX 8

/* A node, and what of it a container has. */
static struct scene {
	struct gpu gpus[GPUS_MAX];
	const struct gpu *present[GPUS_MAX];
	unsigned int numbers[GPUS_MAX];
	size_t gpu_count; /* present */
	struct nic nics[NICS_MAX];
	struct niclist niclist;
	struct topology *topology;
	char *table;
} scene;

static char *files[GPUS_MAX][2];

static void start(const char *file)
{
	free(scene.table);
	topology_free(scene.topology);
	scene = (struct scene){ .gpu_count = 0 };
	scene.niclist.items = scene.nics;
	if (file)
		scene.topology = topology_load(file, &err);
	if (file && !scene.topology)
		fail_msg("%s", err.cause);
}

static void add_gpu(enum gpu_vendor vendor, unsigned int number, const char *file, const char *pci)
{
	struct gpu *gpu = &scene.gpus[scene.gpu_count];

	free(files[scene.gpu_count][0]);
	files[scene.gpu_count][0] = strdup(file);
	gpu->vendor = vendor;
	gpu->nodes = files[scene.gpu_count];
	snprintf(gpu->pci, sizeof(gpu->pci), "%s", pci);
	scene.numbers[scene.gpu_count] = number;
	scene.present[scene.gpu_count++] = gpu;
}

static void add_nic(enum nic_kind kind, const char *name, const char *netdev, const char *pci)
{
	static char words[NICS_MAX][2][32];
	size_t i = scene.niclist.count++;
	struct nic *nic = &scene.nics[i];

	snprintf(words[i][0], sizeof(words[i][0]), "%s", name);
	snprintf(words[i][1], sizeof(words[i][1]), "%s", netdev ? netdev : "");
	nic->kind = kind;
	nic->name = words[i][0];
	nic->netdev = netdev ? words[i][1] : NULL;
	nic->port = 1;
	snprintf(nic->pci, sizeof(nic->pci), "%s", pci);
}

static void make(void)
{
	const struct nearest_wish wish = {
		.numbers = scene.numbers,
		.gpus = scene.present,
		.gpu_count = scene.gpu_count,
		.nics = scene.niclist.count ? &scene.niclist : NULL,
		.topology = scene.topology,
	};

	free(scene.table);
	scene.table = nearest_make(&wish, &err);
	assert_non_null(scene.table);
}

/* The GPUs `first` to `last` of the eight in switches.xml. */
static void add_switch_gpus(unsigned int first, unsigned int last)
{
	static const char *const addresses[] = { "0000:13:00.0", "0000:14:00.0", "0000:33:00.0",
						 "0000:34:00.0", "0000:53:00.0", "0000:54:00.0",
						 "0000:73:00.0", "0000:74:00.0" };
	char file[64];

	for (unsigned int i = first; i <= last; i++) {
		snprintf(file, sizeof(file), "/gone/nvidia%u", i);
		add_gpu(GPU_NVIDIA, i, file, addresses[i]);
	}
}

static void add_switch_nics(enum nic_kind kind)
{
	add_nic(kind, "mlx5_0", "ib0", "0000:15:00.0");
	add_nic(kind, "mlx5_1", "ib1", "0000:35:00.0");
	add_nic(kind, "mlx5_2", NULL, "0000:55:00.0");
	add_nic(kind, "mlx5_3", NULL, "0000:75:00.0");
}

static void switches(unsigned int first, unsigned int last)
{
	start(DATA("switches.xml"));
	add_switch_gpus(first, last);
	add_switch_nics(NIC_INFINIBAND);
	make();
}

static void add_superchip_nics(void)
{
	add_nic(NIC_CXI, "cxi0", "hsn0", "0000:03:00.0");
	add_nic(NIC_CXI, "cxi1", "hsn1", "0004:03:00.0");
	add_nic(NIC_CXI, "cxi2", "hsn2", "0008:03:00.0");
	add_nic(NIC_CXI, "cxi3", "hsn3", "000c:03:00.0");
}

static void superchips(void)
{
	start(DATA("superchips.xml"));
	add_gpu(GPU_NVIDIA, 0, "/gone/nvidia0", "0001:01:00.0");
	add_gpu(GPU_NVIDIA, 1, "/gone/nvidia1", "0005:01:00.0");
	add_gpu(GPU_NVIDIA, 2, "/gone/nvidia2", "0009:01:00.0");
	add_gpu(GPU_NVIDIA, 3, "/gone/nvidia3", "000d:01:00.0");
	add_superchip_nics();
	make();
}

static int stop(void **state)
{
	start(NULL);
	for (size_t i = 0; i < GPUS_MAX; i++)
		free(files[i][0]);
	return tree_teardown(state);
}

/* --- Ranks --- */

static const char *const ours[] = {
	"UCX_NET_DEVICES",      "OMPI_MCA_btl_openib_if_include",
	"NCCL_IB_HCA",          "NCCL_SOCKET_IFNAME",
	"FI_CXI_DEVICE_NAME",   "FI_EFA_IFACE",
	"MPICH_OFI_NIC_POLICY", "HFI_UNIT",
	"FI_OPX_HFI_SELECT",
};

static const char *const theirs[] = {
	"SLURM_STEP_GPUS",           "SLURM_JOB_GPUS",
	"CUDA_VISIBLE_DEVICES",      "ROCR_VISIBLE_DEVICES",
	"ZE_AFFINITY_MASK",          "GPU_DEVICE_ORDINAL",
	"MPICH_GPU_SUPPORT_ENABLED", "OMPI_MCA_btl_openib_if_exclude",
};

static void clear(void)
{
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		unsetenv(ours[i]);
	for (size_t i = 0; i < COUNT_OF(theirs); i++)
		unsetenv(theirs[i]);
}

/* A rank on these CPUs ("": not known) with these GPUs in SLURM_STEP_GPUS, or NULL. */
static void rank(const char *cpus, const char *gpus)
{
	cpu_set_t set;

	clear();
	assert_int_equal(cpulist_parse(cpus, &set), 0);
	if (gpus)
		setenv("SLURM_STEP_GPUS", gpus, 1);
	assert_int_equal(nearest_apply_on(scene.table, &set, &err), 0);
}

static void expect(const char *name, const char *value)
{
	const char *is = getenv(name);

	if (!value && is)
		fail_msg("%s=%s", name, is);
	if (value && (!is || strcmp(is, value) != 0))
		fail_msg("%s=%s and not %s", name, is ? is : "(unset)", value);
}

/* NULL: none of the variables is set. */
static void expect_verbs(const char *ports, const char *names)
{
	expect("UCX_NET_DEVICES", ports);
	expect("OMPI_MCA_btl_openib_if_include", names);
	expect("NCCL_IB_HCA", NULL);
	for (size_t i = 3; i < COUNT_OF(ours); i++)
		expect(ours[i], NULL);
}

static void expect_cxi(const char *netdevs, const char *devices, const char *policy)
{
	expect("UCX_NET_DEVICES", NULL);
	expect("OMPI_MCA_btl_openib_if_include", NULL);
	expect("NCCL_SOCKET_IFNAME", netdevs);
	expect("FI_CXI_DEVICE_NAME", devices);
	expect("MPICH_OFI_NIC_POLICY", policy);
}

/* --- The table --- */

static void text_of_the_table(void **state)
{
	(void)state;
	start(DATA("switches.xml"));
	add_switch_gpus(2, 3);
	add_nic(NIC_INFINIBAND, "mlx5_1", "ib1", "0000:35:00.0");
	add_nic(NIC_INFINIBAND, "mlx5_2", "a b", "0000:55:00.0");
	add_nic(NIC_INFINIBAND, "mlx5_3", NULL, "");
	scene.nics[2].port = 2;
	add_nic(NIC_INFINIBAND, "mlx5_4", NULL, "0000:01:00.0");
	scene.nics[3].port = 0;
	add_nic(NIC_ROCE, "mlx5,5", NULL, "0000:01:00.0");
	add_nic(NIC_ROCE, "-x", NULL, "0000:01:00.0");
	add_nic(NIC_ROCE, "", NULL, "0000:01:00.0");
	make();
	assert_string_equal(scene.table, "gpu 2 nvidia /gone/nvidia2\n"
					 "gpu 3 nvidia /gone/nvidia3\n"
					 "nic mlx5_1 infiniband 1 ib1 4-7 3 3\n"
					 "nic mlx5_2 infiniband 1 - 8-11 500 500\n"
					 "nic mlx5_3 infiniband 2 - 0-15 - -\n"
					 "node 0-3\nnode 4-7\nnode 8-11\nnode 12-15\n"
					 "package 0-7\npackage 8-15\n");
}

static void text_without_a_topology(void **state)
{
	(void)state;
	start(NULL);
	make();
	assert_string_equal(scene.table, "");
	add_gpu(GPU_AMD, 0, "relative", "");
	make();
	assert_string_equal(scene.table, "gpu 0 amd -\n");
	add_gpu(GPU_INTEL, 1, "/dev/dri/renderD128", "");
	scene.gpus[0].nodes = NULL;
	add_nic(NIC_OPA, "hfi1_0", NULL, "0000:01:00.0");
	make();
	assert_string_equal(scene.table, "gpu 0 amd -\ngpu 1 intel /dev/dri/renderD128\n"
					 "nic hfi1_0 omni-path 1 - - - -\n");
}

static void many_of_all(void **state)
{
	static struct gpu gpu = { .vendor = GPU_AMD };
	static const struct gpu *gpus[200];
	static unsigned int numbers[200];
	static char name[] = "rdmap0s31";
	static struct nic nics[200];
	const struct niclist list = { .items = nics, .count = 200 };
	const struct nearest_wish wish = {
		.numbers = numbers, .gpus = gpus, .gpu_count = 200, .nics = &list
	};
	static struct nearest_table table;

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		gpus[i] = &gpu;
		numbers[i] = i;
		nics[i] = (struct nic){ .kind = NIC_EFA, .name = name, .port = 1 };
	}
	start(NULL);
	scene.table = nearest_make(&wish, &err);
	assert_non_null(scene.table);
	table_parse(&table, scene.table);
	assert_int_equal(table.gpu_count, TABLE_GPUS_MAX);
	assert_int_equal(table.nic_count, TABLE_NICS_MAX);
	assert_int_equal(table.gpus[TABLE_GPUS_MAX - 1].number, TABLE_GPUS_MAX - 1);
}

/* What comes back from a memfd that anybody may have written. */
static void damaged_tables(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"gpu",
		"gpu \n",
		"gpu 1\n",
		"gpu 1 voodoo /dev/x\n",
		"gpu -1 nvidia /dev/x\n",
		"gpu 99999999999999999999 nvidia -\n",
		"gpu  1 nvidia -\n",
		"nic\nnic \nnic a\nnic a infiniband\nnic a infiniband 1\nnic a infiniband 1 b\n",
		"nic a infiniband 1 b \n",
		"nic a infiniband 1 b 0-\n",
		"nic a infiniband x b 0-1\n",
		"nic a token-ring 1 b 0-1\n",
		"nic a;b infiniband 1 b 0-1\n",
		"nic ^a infiniband 1 b 0-1\n",
		"node\nnode \nnode x\npackage 1-0\n",
		"nodes 0-1\n\xff\xfe\n",
	};
	static struct nearest_table table;
	cleanup_free char *large = malloc(TABLE_TEXT_MAX + 1);

	(void)state;
	start(NULL);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		memset(&table, 0, sizeof(table));
		table_parse(&table, texts[i]);
		assert_int_equal(table.gpu_count + table.nic_count, 0);
		assert_int_equal(table.nodes.count + table.packages.count, 0);
		scene.table = strdup(texts[i]);
		rank("0", "0");
		expect_verbs(NULL, NULL);
		start(NULL);
	}
	assert_non_null(large);
	memset(large, 'x', TABLE_TEXT_MAX);
	memcpy(large, "gpu 0 nvidia -\n", 15);
	large[TABLE_TEXT_MAX] = '\0';
	table_parse(&table, large);
	assert_int_equal(table.gpu_count, 0);
	/* A line that is too long, and one behind it without an end. */
	large[TABLE_TEXT_MAX - 1] = '\0';
	memcpy(large + 20000, "\ngpu 7 amd -", 13);
	table_parse(&table, large);
	assert_int_equal(table.gpu_count, 2);
	assert_int_equal(table.gpus[1].number, 7);
}

/* --- Adapters --- */

static void ranks_on_numa_nodes(void **state)
{
	(void)state;
	switches(0, 7);
	rank("0-3", NULL);
	expect_verbs("mlx5_0:1", "mlx5_0");
	rank("5", NULL);
	expect_verbs("mlx5_1:1", "mlx5_1");
	rank("8,11", NULL);
	expect_verbs("mlx5_2:1", "mlx5_2");
	rank("12-15", NULL);
	expect_verbs("mlx5_3:1", "mlx5_3");
	rank("0-7", NULL);
	expect_verbs("mlx5_0:1,mlx5_1:1", "mlx5_0,mlx5_1");
	rank("3,12", NULL);
	expect_verbs("mlx5_0:1,mlx5_3:1", "mlx5_0,mlx5_3");
}

static void unbound_ranks(void **state)
{
	(void)state;
	switches(0, 7);
	rank("0-15", NULL);
	expect_verbs(NULL, NULL);
	rank("", NULL);
	expect_verbs(NULL, NULL);
	/* All GPUs of the container are nobody's own. */
	rank("0-15", "0,1,2,3,4,5,6,7");
	expect_verbs(NULL, NULL);
	rank("1", "0,1,2,3,4,5,6,7");
	expect_verbs("mlx5_0:1", "mlx5_0");
	/* CPUs that the topology does not know. */
	rank("100", NULL);
	expect_verbs(NULL, NULL);
}

static void ranks_with_own_gpus(void **state)
{
	static const char *const ports[] = { "mlx5_0:1", "mlx5_1:1", "mlx5_2:1", "mlx5_3:1" };
	static const char *const names[] = { "mlx5_0", "mlx5_1", "mlx5_2", "mlx5_3" };
	char number[2] = "0";

	(void)state;
	switches(0, 7);
	for (size_t i = 0; i < 8; i++, number[0]++) {
		/* Whatever its CPUs are. */
		rank("0-15", number);
		expect_verbs(ports[i / 2], names[i / 2]);
		rank("1", number);
		expect_verbs(ports[i / 2], names[i / 2]);
	}
	rank("0-15", "2,3");
	expect_verbs("mlx5_1:1", "mlx5_1");
	rank("0-15", "1,6");
	expect_verbs("mlx5_0:1,mlx5_3:1", "mlx5_0,mlx5_3");
	rank("0-15", "0,2,4,6");
	expect_verbs(NULL, NULL);
	/* Half of the node is in the container. */
	switches(4, 7);
	rank("0-15", "5");
	expect_verbs("mlx5_2:1", "mlx5_2");
	/* What is not in the table, and no numbers. */
	rank("0-15", "0");
	expect_verbs(NULL, NULL);
	rank("0-15", "5,5,0");
	expect_verbs("mlx5_2:1", "mlx5_2");
	rank("4", "GPU-1234");
	expect_verbs("mlx5_1:1", "mlx5_1");
	rank("4", "");
	expect_verbs("mlx5_1:1", "mlx5_1");
}

static void in_a_batch_script(void **state)
{
	cpu_set_t cpus;

	(void)state;
	switches(0, 7);
	clear();
	setenv("SLURM_JOB_GPUS", "2", 1);
	assert_int_equal(cpulist_parse("0-15", &cpus), 0);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect_verbs("mlx5_1:1", "mlx5_1");
}

/* InfiniBand where there is any: what is on Ethernet beside it is for the node's management. */
static void kinds_do_not_mix(void **state)
{
	(void)state;
	switches(0, 7);
	add_nic(NIC_ROCE, "mlx5_4", "eth0", "0000:01:00.0");
	make();
	rank("0-3", NULL);
	expect_verbs("mlx5_0:1", "mlx5_0");
	start(DATA("switches.xml"));
	add_nic(NIC_INFINIBAND, "mlx5_0", NULL, "0000:15:00.0");
	add_nic(NIC_ROCE, "mlx5_3", NULL, "0000:75:00.0");
	make();
	rank("12", NULL);
	expect_verbs(NULL, NULL);
	start(DATA("switches.xml"));
	add_switch_nics(NIC_ROCE);
	make();
	rank("12", NULL);
	expect_verbs("mlx5_3:1", "mlx5_3");
	/* Another port, and one that is down. */
	scene.nics[3].port = 2;
	scene.nics[2].port = 0;
	make();
	rank("12", NULL);
	expect_verbs("mlx5_3:2", "mlx5_3");
	rank("8", NULL);
	expect_verbs("mlx5_3:2", "mlx5_3");
}

static void variables_that_are_set(void **state)
{
	cpu_set_t cpus;

	(void)state;
	switches(0, 7);
	clear();
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	setenv("UCX_NET_DEVICES", "all", 1);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect_verbs("all", "mlx5_0");
	clear();
	setenv("UCX_NET_DEVICES", "", 1);
	setenv("OMPI_MCA_btl_openib_if_include", "x", 1);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect_verbs("", "x");
	/* Open MPI takes one of the two. */
	clear();
	setenv("OMPI_MCA_btl_openib_if_exclude", "mlx5_4", 1);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect_verbs("mlx5_0:1", NULL);
}

static void nothing_to_choose(void **state)
{
	(void)state;
	/* One of each. */
	start(DATA("single.xml"));
	add_gpu(GPU_AMD, 0, "/gone/renderD128", "0000:01:00.0");
	add_nic(NIC_INFINIBAND, "mlx5_0", NULL, "0000:02:00.0");
	make();
	rank("0", "0");
	expect_verbs(NULL, NULL);
	/* A topology that does not know them, and none. */
	start(DATA("no-io.xml"));
	add_switch_gpus(0, 1);
	add_switch_nics(NIC_INFINIBAND);
	make();
	rank("0", "1");
	expect_verbs(NULL, NULL);
	rank("0", NULL);
	expect_verbs(NULL, NULL);
	start(NULL);
	add_switch_gpus(0, 1);
	add_switch_nics(NIC_INFINIBAND);
	make();
	rank("0", "1");
	expect_verbs(NULL, NULL);
	/* No adapters, no GPUs. */
	start(DATA("switches.xml"));
	make();
	rank("0", "1");
	expect_verbs(NULL, NULL);
}

/* Where only some addresses are known, the others neither win nor get lost. */
static void unknown_addresses(void **state)
{
	(void)state;
	start(DATA("switches.xml"));
	add_gpu(GPU_NVIDIA, 0, "/gone/nvidia0", "0000:13:00.0");
	add_gpu(GPU_NVIDIA, 1, "/gone/nvidia1", "");
	add_gpu(GPU_NVIDIA, 2, "/gone/nvidia2", "0000:fe:00.0");
	add_nic(NIC_INFINIBAND, "mlx5_0", NULL, "0000:15:00.0");
	add_nic(NIC_INFINIBAND, "mlx5_1", NULL, "0000:35:00.0");
	add_nic(NIC_INFINIBAND, "mlx5_9", NULL, "");
	make();
	rank("0-15", "0");
	expect_verbs("mlx5_0:1", "mlx5_0");
	rank("5", "1");
	expect_verbs("mlx5_1:1,mlx5_9:1", "mlx5_1,mlx5_9");
	rank("0-15", "2");
	expect_verbs(NULL, NULL);
}

/* The NUMA node has no adapter, its package has. */
static void ranks_beside_adapters(void **state)
{
	(void)state;
	start(DATA("caches.xml"));
	add_nic(NIC_INFINIBAND, "mlx5_0", NULL, "0000:41:00.1");
	add_nic(NIC_INFINIBAND, "mlx5_1", NULL, "0000:81:00.1");
	make();
	rank("2", NULL);
	expect_verbs("mlx5_0:1", "mlx5_0");
	rank("6-7", NULL);
	expect_verbs("mlx5_1:1", "mlx5_1");
	rank("2,6", NULL);
	expect_verbs(NULL, NULL);
	/* A GPU takes the one on its card's switch. */
	add_gpu(GPU_AMD, 0, "/gone/a", "0000:42:00.0");
	add_gpu(GPU_AMD, 1, "/gone/b", "0000:82:00.0");
	make();
	rank("2", "1");
	expect_verbs("mlx5_1:1", "mlx5_1");
}

static void slingshot(void **state)
{
	static const char all[] = "=hsn0,hsn1,hsn2,hsn3";
	cpu_set_t cpus;

	(void)state;
	superchips();
	/* NCCL: all ranks have to see all of them. */
	rank("0-15", "2");
	expect_cxi(all, NULL, NULL);
	rank("8-11", "2");
	expect_cxi(all, NULL, "NUMA");
	rank("4", NULL);
	expect_cxi(all, NULL, "NUMA");
	/* NUMA would end a rank on two nodes. */
	rank("3-4", NULL);
	expect_cxi(all, NULL, NULL);
	rank("", NULL);
	expect_cxi(all, NULL, NULL);
	clear();
	CPU_ZERO(&cpus);
	CPU_SET(5, &cpus);
	setenv("SLURM_STEP_GPUS", "3", 1);
	setenv("MPICH_GPU_SUPPORT_ENABLED", "1", 1);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect_cxi(all, NULL, "GPU");
	/* Not its own. */
	unsetenv("MPICH_OFI_NIC_POLICY");
	setenv("SLURM_STEP_GPUS", "0,1,2,3", 1);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect_cxi(all, NULL, "NUMA");
	clear();
	setenv("NCCL_SOCKET_IFNAME", "eth0", 1);
	setenv("MPICH_OFI_NIC_POLICY", "BLOCK", 1);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect_cxi("eth0", NULL, "BLOCK");
}

static void slingshot_without_gpus(void **state)
{
	(void)state;
	start(DATA("superchips.xml"));
	add_superchip_nics();
	make();
	rank("13", NULL);
	expect_cxi(NULL, "cxi3", "NUMA");
	rank("0-7", NULL);
	expect_cxi(NULL, "cxi0,cxi1", NULL);
	rank("0-15", NULL);
	expect_cxi(NULL, NULL, NULL);
	/* One alone. */
	scene.niclist.count = 1;
	make();
	rank("0", NULL);
	expect_cxi(NULL, NULL, NULL);
	/* A NUMA node without any. */
	start(DATA("caches.xml"));
	add_nic(NIC_CXI, "cxi0", "hsn0", "0000:41:00.1");
	add_nic(NIC_CXI, "cxi1", NULL, "0000:81:00.1");
	make();
	rank("2", NULL);
	expect_cxi(NULL, "cxi0", NULL);
	add_gpu(GPU_AMD, 0, "/gone/a", "0000:42:00.0");
	make();
	rank("2", "0");
	expect_cxi("=hsn0", NULL, NULL);
}

static void efa_and_omni_path(void **state)
{
	(void)state;
	start(DATA("switches.xml"));
	add_switch_nics(NIC_EFA);
	make();
	rank("0", NULL);
	expect("FI_EFA_IFACE", "mlx5_0");
	expect("UCX_NET_DEVICES", NULL);
	rank("0-15", NULL);
	expect("FI_EFA_IFACE", NULL);
	add_switch_gpus(0, 7);
	make();
	rank("0", "0");
	expect_verbs(NULL, NULL);
	start(DATA("switches.xml"));
	add_switch_nics(NIC_OPA);
	make();
	rank("0", NULL);
	expect_verbs(NULL, NULL);
}

/* --- GPUs --- */

/* Sets a variable and SLURM_STEP_GPUS, and expects what becomes of it. */
static void expect_numbers(const char *name, const char *text, const char *gpus,
			   const char *expected)
{
	cpu_set_t cpus;

	clear();
	CPU_ZERO(&cpus);
	if (gpus)
		setenv("SLURM_STEP_GPUS", gpus, 1);
	setenv(name, text, 1);
	assert_int_equal(nearest_apply_on(scene.table, &cpus, &err), 0);
	expect(name, expected);
	if (gpus)
		expect("SLURM_STEP_GPUS", gpus);
}

static void numbers_of_gpus(void **state)
{
	static const struct {
		const char *text, *gpus, *expected;
	} table[] = {
		{ "4", "4", "0" },
		{ "7", "7", "3" },
		{ "5,7", "5,7", "1,3" },
		{ "7,5", "7,5", "3,1" },
		{ "4,5,6,7", "4,5,6,7", "0,1,2,3" },
		/* In a device cgroup Slurm counts by itself. */
		{ "0", "4", "0" },
		{ "0,1,2,3", "4,5,6,7", "0,1,2,3" },
		{ "1", "5", "1" },
		/* Not in the container. */
		{ "0", "0", "" },
		{ "4,0", "4,0", "0" },
		{ "0,7,1,5", "0,7,1,5", "3,1" },
		/* No numbers. */
		{ "GPU-8f", "GPU-8f", "GPU-8f" },
		{ "MIG-GPU-8f/1/0", "4", "MIG-GPU-8f/1/0" },
		{ "4.1", "4.1", "4.1" },
		{ "4,", "4,", "4," },
		{ ",4", ",4", ",4" },
		{ "", "", "" },
		{ "4-5", "4-5", "4-5" },
		{ " 4", " 4", " 4" },
		{ "-4", "-4", "-4" },
		{ "99999999999999999999", "99999999999999999999", "99999999999999999999" },
		{ "NoDevFiles", "NoDevFiles", "NoDevFiles" },
		/* Somebody else's. */
		{ "4", "4,5", "4" },
		{ "4", NULL, "4" },
	};

	(void)state;
	switches(4, 7);
	for (size_t i = 0; i < COUNT_OF(table); i++)
		expect_numbers("CUDA_VISIBLE_DEVICES", table[i].text, table[i].gpus,
			       table[i].expected);
	switches(0, 3);
	expect_numbers("CUDA_VISIBLE_DEVICES", "0,1,2,3", "0,1,2,3", "0,1,2,3");
	expect_numbers("CUDA_VISIBLE_DEVICES", "2", "2", "2");
	/* In the batch script, where there is no step. */
	switches(4, 7);
	clear();
	setenv("SLURM_JOB_GPUS", "5,6", 1);
	setenv("CUDA_VISIBLE_DEVICES", "5,6", 1);
	assert_int_equal(nearest_apply(scene.table, &err), 0);
	expect("CUDA_VISIBLE_DEVICES", "1,2");
}

static void numbers_by_vendor(void **state)
{
	(void)state;
	start(NULL);
	add_gpu(GPU_NVIDIA, 1, "/gone/nvidia0", "");
	add_gpu(GPU_NVIDIA, 3, "/gone/nvidia1", "");
	add_gpu(GPU_AMD, 4, "/gone/renderD128", "");
	add_gpu(GPU_INTEL, 6, "/gone/renderD129", "");
	add_gpu(GPU_INTEL, 7, "/gone/renderD130", "");
	make();
	expect_numbers("CUDA_VISIBLE_DEVICES", "3", "3", "1");
	expect_numbers("CUDA_VISIBLE_DEVICES", "4", "4", "4");
	expect_numbers("CUDA_VISIBLE_DEVICES", "1,4", "1,4", "1,4");
	expect_numbers("ROCR_VISIBLE_DEVICES", "4", "4", "0");
	expect_numbers("GPU_DEVICE_ORDINAL", "4", "4", "0");
	expect_numbers("GPU_DEVICE_ORDINAL", "3", "3", "3");
	expect_numbers("ZE_AFFINITY_MASK", "7,6", "7,6", "1,0");
	expect_numbers("ZE_AFFINITY_MASK", "7.0", "7.0", "7.0");
	expect_numbers("HIP_VISIBLE_DEVICES", "4", "4", "4");
	unsetenv("HIP_VISIBLE_DEVICES");
	/* All variables are set where gres.conf does not say which. */
	switches(4, 7);
	expect_numbers("ROCR_VISIBLE_DEVICES", "6", "6", "2");
	expect_numbers("GPU_DEVICE_ORDINAL", "6,7", "6,7", "2,3");
	start(NULL);
	make();
	expect_numbers("CUDA_VISIBLE_DEVICES", "3", "3", "3");
}

/* CUDA counts by addresses; the files are in another order, as they are on some machines. Slurm's
 * number 4 becomes 0, which CUDA takes for the GPU that Slurm calls 6, and its adapter is the near
 * one. */
static void gpus_in_another_order(void **state)
{
	(void)state;
	start(DATA("switches.xml"));
	add_gpu(GPU_NVIDIA, 4, "own/nvidia4", "0000:53:00.0");
	add_gpu(GPU_NVIDIA, 5, "own/nvidia5", "0000:73:00.0");
	add_gpu(GPU_NVIDIA, 6, "own/nvidia6", "0000:13:00.0");
	add_gpu(GPU_NVIDIA, 7, "own/nvidia7", "0000:33:00.0");
	for (size_t i = 0; i < 4; i++) {
		char *file = files[i][0];

		put(file, "");
		assert_true(asprintf(&files[i][0], "%s/%s", tree, file) > 0);
		free(file);
	}
	add_switch_nics(NIC_INFINIBAND);
	make();
	rank("0-15", "4");
	expect_verbs("mlx5_0:1", "mlx5_0");
	rank("0-15", "5");
	expect_verbs("mlx5_1:1", "mlx5_1");
	rank("0-15", "6,7");
	expect_verbs("mlx5_2:1,mlx5_3:1", "mlx5_2,mlx5_3");
	expect_numbers("CUDA_VISIBLE_DEVICES", "4,5", "4,5", "0,1");
	/* A cgroup of its own leaves the rank its own. */
	assert_int_equal(unlink(files[1][0]), 0);
	assert_int_equal(unlink(files[2][0]), 0);
	assert_int_equal(unlink(files[3][0]), 0);
	rank("0-15", "4");
	expect_verbs("mlx5_2:1", "mlx5_2");
	for (size_t i = 1; i < 4; i++)
		put(files[i][0], "");
	/* Without all of the addresses the files' order is all there is. */
	scene.gpus[1].pci[0] = '\0';
	make();
	assert_int_equal(strncmp(scene.table, "gpu 4 ", 6), 0);
	rank("0-15", "6");
	expect_verbs("mlx5_0:1", "mlx5_0");
}

/* The numbers of gres.conf may be in another order than the files. */
static void numbers_in_another_order(void **state)
{
	(void)state;
	start(NULL);
	add_gpu(GPU_AMD, 3, "/gone/renderD128", "");
	add_gpu(GPU_AMD, 2, "/gone/renderD129", "");
	make();
	expect_numbers("ROCR_VISIBLE_DEVICES", "2", "2", "0");
	expect_numbers("ROCR_VISIBLE_DEVICES", "3", "3", "1");
}

/* By the affinity that the process really has. */
static void this_process(void **state)
{
	cpu_set_t cpus;
	cleanup_free char *table = NULL;

	(void)state;
	clear();
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &cpus)) {
			assert_true(asprintf(&table,
					     "nic mlx5_0 infiniband 1 - 1023\n"
					     "nic mlx5_1 infiniband 1 - %zu\n",
					     i) > 0);
			break;
		}
	assert_int_equal(nearest_apply(table, &err), 0);
	expect("UCX_NET_DEVICES", CPU_ISSET(1023, &cpus) ? NULL : "mlx5_1:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_of_the_table),
		cmocka_unit_test(text_without_a_topology),
		cmocka_unit_test(many_of_all),
		cmocka_unit_test(damaged_tables),
		cmocka_unit_test(ranks_on_numa_nodes),
		cmocka_unit_test(unbound_ranks),
		cmocka_unit_test(ranks_with_own_gpus),
		cmocka_unit_test(in_a_batch_script),
		cmocka_unit_test(kinds_do_not_mix),
		cmocka_unit_test(variables_that_are_set),
		cmocka_unit_test(nothing_to_choose),
		cmocka_unit_test(unknown_addresses),
		cmocka_unit_test(ranks_beside_adapters),
		cmocka_unit_test(slingshot),
		cmocka_unit_test(slingshot_without_gpus),
		cmocka_unit_test(efa_and_omni_path),
		cmocka_unit_test(numbers_of_gpus),
		cmocka_unit_test(numbers_by_vendor),
		cmocka_unit_test(gpus_in_another_order),
		cmocka_unit_test(numbers_in_another_order),
		cmocka_unit_test(this_process),
	};

	return cmocka_run_group_tests_name("nearest devices", tests, tree_setup, stop);
}
