/* SPDX-License-Identifier: BSD-3-Clause */
/* test_nics.c - adapters in trees as the kernel's drivers make them. */
#include "launcher/devices/nics.h"
#include "tests/unit/unit.h"
#include "tests/unit/sysfs.h"

static struct niclist list;
static struct error err;

static int setup(void **state)
{
	return tree_setup(state);
}

static int teardown(void **state)
{
	niclist_done(&list);
	return tree_teardown(state);
}

static void find(const char *root, size_t count)
{
	niclist_done(&list);
	err = (struct error)ERROR_INIT;
	assert_int_equal(niclist_find(&list, root, &err), 0);
	assert_string_equal(err.cause, "");
	assert_int_equal(list.count, count);
}

struct expected {
	enum nic_kind kind;
	const char *name, *driver;
	unsigned int port;
	const char *netdev, *pci, *nodes;
};

static void check_string(const char *text, const char *expected)
{
	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
}

static void check(size_t i, struct expected expected)
{
	const struct nic *nic = &list.items[i];

	assert_true(i < list.count);
	assert_int_equal(nic->kind, expected.kind);
	assert_string_equal(nic->name, expected.name);
	check_string(nic->driver, expected.driver);
	assert_int_equal(nic->port, expected.port);
	check_string(nic->netdev, expected.netdev);
	assert_string_equal(nic->pci, expected.pci);
	assert_string_equal(joined(nic->nodes), expected.nodes);
}

static const char *parent_of(const char *pci)
{
	static char parent[64];

	snprintf(parent, sizeof(parent), "pci0000:00/%s", pci);
	return parent;
}

/* An RDMA device with one port. */
static void put_rdma(const char *root, const char *pci, const char *driver, const char *name,
		     const char *state, const char *layer)
{
	put_pci(root, pci, "0x15b3\n", driver);
	put_class(root, parent_of(pci), "infiniband", name);
	put_at("1: CA\n", "%s/sys/class/infiniband/%s/node_type", root, name);
	put_at(state, "%s/sys/class/infiniband/%s/ports/1/state", root, name);
	put_at(layer, "%s/sys/class/infiniband/%s/ports/1/link_layer", root, name);
}

static void put_uverbs(const char *root, const char *pci, const char *node, const char *name)
{
	put_class(root, parent_of(pci), "infiniband_verbs", node);
	put_at(name, "%s/sys/class/infiniband_verbs/%s/ibdev", root, node);
}

static void put_umad(const char *root, const char *pci, const char *node, const char *name,
		     const char *port)
{
	put_class(root, parent_of(pci), "infiniband_mad", node);
	put_at(name, "%s/sys/class/infiniband_mad/%s/ibdev", root, node);
	put_at(port, "%s/sys/class/infiniband_mad/%s/port", root, node);
}

static void put_net(const char *root, const char *pci, const char *name, const char *port)
{
	put_class(root, parent_of(pci), "net", name);
	if (port)
		put_at(port, "%s/sys/class/net/%s/dev_port", root, name);
}

static void none(void **state)
{
	(void)state;
	find("none", 0);
	assert_null(list.items);
}

static void infiniband(void **state)
{
	(void)state;
	put_rdma("ib", "0000:17:00.0", "mlx5_core", "mlx5_10", "4: ACTIVE\n", "InfiniBand\n");
	put_rdma("ib", "0000:65:00.0", "mlx5_core", "mlx5_2", "1: DOWN\n", "InfiniBand\n");
	put_uverbs("ib", "0000:17:00.0", "uverbs10", "mlx5_10\n");
	put_uverbs("ib", "0000:65:00.0", "uverbs0", "mlx5_2\n");
	put_umad("ib", "0000:17:00.0", "umad3", "mlx5_10\n", "1\n");
	put_umad("ib", "0000:17:00.0", "issm3", "mlx5_10\n", "1\n");
	put_umad("ib", "0000:65:00.0", "umad0", "mlx5_2\n", "1\n");
	put("ib/sys/class/infiniband_verbs/abi_version", "6\n");
	put("ib/sys/class/infiniband_mad/abi_version", "5\n");
	put_net("ib", "0000:17:00.0", "ib0", "0\n");
	put_net("ib", "0000:17:00.0", "ib0.8001", "0\n");
	find("ib", 2);
	check(0, (struct expected){ NIC_INFINIBAND, "mlx5_2", "mlx5_core", 0, NULL, "0000:65:00.0",
				    "/dev/infiniband/uverbs0" });
	check(1,
	      (struct expected){ NIC_INFINIBAND, "mlx5_10", "mlx5_core", 1, "ib0", "0000:17:00.0",
				 "/dev/infiniband/uverbs10 /dev/infiniband/umad3" });
}

/* ConnectX-3: one device with two ports, of which each has its interface and its umad. */
static void two_ports(void **state)
{
	(void)state;
	put_rdma("two", "0000:17:00.0", "mlx4_core", "mlx4_0", "1: DOWN\n", "InfiniBand\n");
	put("two/sys/class/infiniband/mlx4_0/ports/2/state", "4: ACTIVE\n");
	put("two/sys/class/infiniband/mlx4_0/ports/2/link_layer", "InfiniBand\n");
	put("two/sys/class/infiniband/mlx4_0/ports/10/state", "4: ACTIVE\n");
	put_uverbs("two", "0000:17:00.0", "uverbs0", "mlx4_0\n");
	put_umad("two", "0000:17:00.0", "umad0", "mlx4_0\n", "1\n");
	put_umad("two", "0000:17:00.0", "umad1", "mlx4_0\n", "2\n");
	put_net("two", "0000:17:00.0", "ib0", "0\n");
	put_net("two", "0000:17:00.0", "ib1", "1\n");
	find("two", 1);
	check(0, (struct expected){ NIC_INFINIBAND, "mlx4_0", "mlx4_core", 2, "ib1", "0000:17:00.0",
				    "/dev/infiniband/uverbs0 /dev/infiniband/umad1" });
}

/* Beside the port's interface there are those of virtual functions. */
static void roce(void **state)
{
	(void)state;
	put_rdma("roce", "0000:17:00.0", "mlx5_core", "mlx5_0", "4: ACTIVE\n", "Ethernet\n");
	put_uverbs("roce", "0000:17:00.0", "uverbs0", "mlx5_0\n");
	put_net("roce", "0000:17:00.0", "enp23s0f0npf0vf0", "0\n");
	put_net("roce", "0000:17:00.0", "enp23s0f0np0", "0\n");
	put("roce/sys/class/infiniband/mlx5_0/ports/1/gid_attrs/ndevs/0", "");
	put("roce/sys/class/infiniband/mlx5_0/ports/1/gid_attrs/ndevs/1", "enp23s0f0np0\n");

	put_rdma("roce", "0000:65:00.0", "mlx5_core", "mlx5_bond_0", "4: ACTIVE\n", "Ethernet\n");
	put("roce/sys/class/infiniband/mlx5_bond_0/ports/1/gid_attrs/ndevs/0", "bond0\n");
	put_net("roce", "0000:65:00.0", "ens5f0", "0\n");

	/* Their drivers are not the PCI device's. */
	put_rdma("roce", "0000:70:00.0", "ice", "irdma0", "4: ACTIVE\n", "Ethernet\n");
	put_net("roce", "0000:70:00.0", "ens6f0", "0\n");
	put_rdma("roce", "0000:71:00.0", "bnxt_en", "bnxt_re0", "4: ACTIVE\n", "Ethernet\n");
	put_net("roce", "0000:71:00.0", "ens7f0", NULL);
	find("roce", 4);
	check(0, (struct expected){ NIC_ROCE, "bnxt_re0", "bnxt_en", 1, "ens7f0", "0000:71:00.0",
				    "" });
	check(1, (struct expected){ NIC_ROCE, "irdma0", "ice", 1, "ens6f0", "0000:70:00.0", "" });
	check(2, (struct expected){ NIC_ROCE, "mlx5_0", "mlx5_core", 1, "enp23s0f0np0",
				    "0000:17:00.0", "/dev/infiniband/uverbs0" });
	check(3, (struct expected){ NIC_ROCE, "mlx5_bond_0", "mlx5_core", 1, "bond0",
				    "0000:65:00.0", "" });
}

/* A virtual function is a PCI device; a scalable function is below one; soft RoCE is nowhere. */
static void functions(void **state)
{
	(void)state;
	put_rdma("vf", "0000:17:00.2", "mlx5_core", "mlx5_3", "4: ACTIVE\n", "Ethernet\n");
	link_at("../0000:17:00.0", "vf/sys/devices/pci0000:00/0000:17:00.2/physfn");
	put_pci("vf", "0000:17:00.0", "0x15b3\n", "mlx5_core");
	put_class("vf", "pci0000:00/0000:17:00.0/mlx5_core.sf.4", "infiniband", "mlx5_4");
	put("vf/sys/class/infiniband/mlx5_4/ports/1/state", "4: ACTIVE\n");
	put("vf/sys/class/infiniband/mlx5_4/ports/1/link_layer", "Ethernet\n");
	put("vf/sys/devices/virtual/infiniband/rxe0/ports/1/state", "4: ACTIVE\n");
	put("vf/sys/devices/virtual/infiniband/rxe0/ports/1/link_layer", "Ethernet\n");
	put("vf/sys/devices/virtual/infiniband/rxe0/ports/1/gid_attrs/ndevs/0", "eth0\n");
	link_at("../../devices/virtual/infiniband/rxe0", "vf/sys/class/infiniband/rxe0");
	find("vf", 3);
	check(0, (struct expected){ NIC_ROCE, "mlx5_3", "mlx5_core", 1, NULL, "0000:17:00.2", "" });
	check(1, (struct expected){ NIC_ROCE, "mlx5_4", NULL, 1, NULL, "0000:17:00.0", "" });
	check(2, (struct expected){ NIC_ROCE, "rxe0", NULL, 1, "eth0", "", "" });
}

static void efa(void **state)
{
	(void)state;
	put_rdma("efa", "0000:00:1f.0", "efa", "rdmap0s31", "4: ACTIVE\n", "Unspecified\n");
	put_uverbs("efa", "0000:00:1f.0", "uverbs0", "rdmap0s31\n");
	find("efa", 1);
	check(0, (struct expected){ NIC_EFA, "rdmap0s31", "efa", 1, NULL, "0000:00:1f.0",
				    "/dev/infiniband/uverbs0" });
}

static void omni_path(void **state)
{
	(void)state;
	put_rdma("opa", "0000:3b:00.0", "hfi1", "hfi1_0", "4: ACTIVE\n", "InfiniBand\n");
	put_uverbs("opa", "0000:3b:00.0", "uverbs0", "hfi1_0\n");
	put_umad("opa", "0000:3b:00.0", "umad0", "hfi1_0\n", "1\n");
	put_net("opa", "0000:3b:00.0", "ib0", "0\n");
	put_rdma("opa", "0000:d8:00.0", "hfi1", "opap216s0", "4: ACTIVE\n", "InfiniBand\n");
	put("opa/sys/class/hfi1_user/hfi1_0/dev", "245:0\n");
	put("opa/sys/class/hfi1_user/hfi1_1/dev", "245:1\n");
	put("opa/sys/class/hfi1_user/other/dev", "245:2\n");
	find("opa", 2);
	check(0, (struct expected){ NIC_OPA, "hfi1_0", "hfi1", 1, "ib0", "0000:3b:00.0",
				    "/dev/hfi1_0 /dev/infiniband/uverbs0 /dev/infiniband/umad0" });
	check(1, (struct expected){ NIC_OPA, "opap216s0", "hfi1", 1, NULL, "0000:d8:00.0",
				    "/dev/hfi1_0 /dev/hfi1_1" });
}

static void put_cxi(const char *root, const char *class, const char *pci, const char *name,
		    const char *up)
{
	put_pci(root, pci, "0x17db\n", "cxi_ss1");
	put_class(root, parent_of(pci), class, name);
	if (up)
		put_at(up, "%s/sys/devices/pci0000:00/%s/properties/link", root, pci);
}

static void slingshot(void **state)
{
	(void)state;
	put_cxi("cxi", "cxi", "0000:d5:00.0", "cxi0", "1\n");
	put_net("cxi", "0000:d5:00.0", "hsn0", NULL);
	put_cxi("cxi", "cxi", "0000:dd:00.0", "cxi1", "0\n");
	put_cxi("cxi", "cxi", "0000:de:00.1", "cxi10", NULL);
	/* The same once more. */
	put_cxi("cxi", "cxi_user", "0000:d5:00.0", "cxi0", "1\n");
	put("cxi/sys/class/cxi/cxi", "");
	put("cxi/sys/class/cxi/cxi-1", "");
	find("cxi", 3);
	check(0, (struct expected){ NIC_CXI, "cxi0", "cxi_ss1", 1, "hsn0", "0000:d5:00.0",
				    "/dev/cxi0" });
	check(1, (struct expected){ NIC_CXI, "cxi1", "cxi_ss1", 0, NULL, "0000:dd:00.0",
				    "/dev/cxi1" });
	check(2, (struct expected){ NIC_CXI, "cxi10", "cxi_ss1", 1, NULL, "0000:de:00.1",
				    "/dev/cxi10" });

	put_cxi("user", "cxi_user", "0000:d5:00.0", "cxi0", "1\n");
	find("user", 1);
	check(0, (struct expected){ NIC_CXI, "cxi0", "cxi_ss1", 1, NULL, "0000:d5:00.0",
				    "/dev/cxi0" });
}

static void kinds_in_order(void **state)
{
	(void)state;
	put_cxi("kinds", "cxi", "0000:01:00.0", "cxi0", "1\n");
	put_rdma("kinds", "0000:02:00.0", "mlx5_core", "mlx5_0", "4: ACTIVE\n", "Ethernet\n");
	put_rdma("kinds", "0000:03:00.0", "mlx5_core", "mlx5_1", "4: ACTIVE\n", "InfiniBand\n");
	put_rdma("kinds", "0000:04:00.0", "efa", "efa_0", "4: ACTIVE\n", "Ethernet\n");
	put_rdma("kinds", "0000:05:00.0", "hfi1", "hfi1_0", "4: ACTIVE\n", "InfiniBand\n");
	find("kinds", 5);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(list.items[i].kind, i);
	assert_string_equal(nic_kind_name(NIC_INFINIBAND), "InfiniBand");
	assert_string_equal(nic_kind_name(NIC_ROCE), "RoCE");
	assert_string_equal(nic_kind_name(NIC_EFA), "EFA");
	assert_string_equal(nic_kind_name(NIC_OPA), "Omni-Path");
	assert_string_equal(nic_kind_name(NIC_CXI), "Slingshot");
}

static void hostile(void **state)
{
	char long_name[256];

	(void)state;
	memset(long_name, 'n', 255);
	long_name[255] = '\0';
	put("bad/sys/class/infiniband/file", "");
	put("bad/sys/class/infiniband/noports/node_type", "");
	put("bad/sys/class/infiniband/fifo/ports/1/link_layer", "Ethernet\n");
	assert_int_equal(mkfifo("bad/sys/class/infiniband/fifo/ports/1/state", 0666), 0);
	put("bad/sys/class/infiniband/odd/ports/0/state", "4: ACTIVE\n");
	put("bad/sys/class/infiniband/odd/ports/-1/state", "4: ACTIVE\n");
	put("bad/sys/class/infiniband/odd/ports/99999999999999999999/state", "4: ACTIVE\n");
	put("bad/sys/class/infiniband/odd/ports/x/state", "4: ACTIVE\n");
	put("bad/sys/class/infiniband/odd/ports/3/state", "\n\n4: ACTIVE\n");
	put("bad/sys/class/infiniband/odd/ports/4/state", "41: ACTIVE\n");
	put_at("4: ACTIVE\n", "bad/sys/class/infiniband/%s/ports/1/state", long_name);
	link_at("loop", "bad/sys/class/infiniband/loop");
	put("bad/sys/class/infiniband_verbs/uverbs0/ibdev", "odd\nodd\n");
	put("bad/sys/class/infiniband_verbs/uverbs1/ibdev", "../../odd\n");
	put("bad/sys/class/infiniband_verbs/uverbs2/ibdev", "\n");
	put("bad/sys/class/infiniband_verbs/uverbs-3/ibdev", "odd\n");
	assert_int_equal(mkdir("bad/sys/class/infiniband_verbs/uverbs4", 0755), 0);
	assert_int_equal(mkfifo("bad/sys/class/infiniband_verbs/uverbs4/ibdev", 0666), 0);
	put("bad/sys/class/infiniband_mad/umad0/ibdev", "odd\n");
	put("bad/sys/class/infiniband_mad/umad0/port", "-4\n");
	find("bad", 6);
	check(0, (struct expected){ NIC_INFINIBAND, "file", NULL, 0, NULL, "", "" });
	check(1, (struct expected){ NIC_INFINIBAND, "loop", NULL, 0, NULL, "", "" });
	check(2, (struct expected){ NIC_INFINIBAND, long_name, NULL, 1, NULL, "", "" });
	check(3, (struct expected){ NIC_INFINIBAND, "noports", NULL, 0, NULL, "", "" });
	check(4, (struct expected){ NIC_INFINIBAND, "odd", NULL, 0, NULL, "",
				    "/dev/infiniband/uverbs0" });
	check(5, (struct expected){ NIC_ROCE, "fifo", NULL, 0, NULL, "", "" });
}

static void common_nodes(void **state)
{
	char **found;

	(void)state;
	put("common/dev/infiniband/rdma_cm", "");
	put("common/dev/infiniband/uverbs0", "");
	put("common/dev/gdrdrv", "");
	found = nic_common_nodes("common", &err);
	assert_non_null(found);
	assert_string_equal(joined(found), "/dev/infiniband/rdma_cm /dev/gdrdrv");
	strings_free(found);
	found = nic_common_nodes("nowhere", &err);
	assert_non_null(found);
	assert_null(found[0]);
	strings_free(found);
}

static void the_node(void **state)
{
	(void)state;
	err = (struct error)ERROR_INIT;
	niclist_done(&list);
	assert_int_equal(niclist_find(&list, "", &err), 0);
	for (size_t i = 0; i < list.count; i++)
		assert_non_null(list.items[i].nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),      cmocka_unit_test(infiniband),
		cmocka_unit_test(two_ports), cmocka_unit_test(roce),
		cmocka_unit_test(functions), cmocka_unit_test(efa),
		cmocka_unit_test(omni_path), cmocka_unit_test(slingshot),
		cmocka_unit_test(hostile),   cmocka_unit_test(kinds_in_order),
		cmocka_unit_test(the_node),  cmocka_unit_test(common_nodes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
