/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nics.c - see nics.h.
 *
 * udev may call an RDMA device anything ("ibp3s0", "rdmap0s31"), so its kind is told by its driver
 * and its link layer, and its device files by what their entries in sysfs say they belong to.
 */
#include "launcher/devices/nics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/devices/sysfs.h"

#define INFINIBAND "/sys/class/infiniband"
#define VERBS      "/sys/class/infiniband_verbs"
#define MAD        "/sys/class/infiniband_mad"
#define HFI        "/sys/class/hfi1_user"
#define GIDS_MAX   16 /* that are asked for the network interface; the first ones have it */

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot look for network adapters");
}

const char *nic_kind_name(enum nic_kind kind)
{
	static const char *const names[] = { "InfiniBand", "RoCE", "EFA", "Omni-Path",
					     "Slingshot" };

	return names[kind];
}

/* Returns the new adapter, or NULL with `err` set. */
static struct nic *add_nic(struct niclist *list, enum nic_kind kind, const char *name,
			   struct error *err)
{
	struct nic *bigger = realloc(list->items, (list->count + 1) * sizeof(*bigger));
	struct nic *nic;

	if (!bigger) {
		out_of_memory(err);
		return NULL;
	}
	list->items = bigger;
	nic = &bigger[list->count++];
	*nic = (struct nic){ .kind = kind,
			     .name = strdup(name),
			     .nodes = calloc(1, sizeof(char *)) };
	if (nic->name && nic->nodes)
		return nic;
	out_of_memory(err);
	return NULL;
}

static int add_node(struct nic *nic, const char *directory, const char *name, struct error *err)
{
	struct names nodes = { .items = nic->nodes };
	int result;

	while (nodes.items[nodes.count])
		nodes.count++;
	result = names_add(&nodes, err, "%s/%s", directory, name);
	nic->nodes = nodes.items;
	return result;
}

static int keep(char **kept, const char *value, struct error *err)
{
	*kept = strdup(value);
	return *kept ? 0 : out_of_memory(err);
}

/* ---- InfiniBand and its like ----------------------------------------------------------------- */

static bool is_active(const char *root, const char *name, unsigned int port)
{
	char state[SYSFS_LINE_MAX];

	return sysfs_line(state, root, INFINIBAND "/%s/ports/%u/state", name, port) &&
	       strncmp(state, "4:", 2) == 0;
}

/* Finds the first active port; where there is none, *first is still the first of all, or 0. */
static int find_port(const char *root, const char *name, unsigned int *active, unsigned int *first,
		     struct error *err)
{
	struct names names = { .items = NULL };
	int result = sysfs_list(&names, err, root, INFINIBAND "/%s/ports", name);

	*active = *first = 0;
	for (size_t i = 0; i < names.count && *active == 0; i++) {
		unsigned int port;

		if (!name_number(names.items[i], "", &port) || port == 0)
			continue;
		if (*first == 0)
			*first = port;
		if (is_active(root, name, port))
			*active = port;
	}
	strings_free(names.items);
	return result;
}

static enum nic_kind find_kind(const char *root, const char *name, const char *driver,
			       unsigned int port)
{
	char layer[SYSFS_LINE_MAX];

	if (strcmp(driver, "efa") == 0)
		return NIC_EFA;
	if (strcmp(driver, "hfi1") == 0)
		return NIC_OPA;
	if (sysfs_line(layer, root, INFINIBAND "/%s/ports/%u/link_layer", name, port) &&
	    strcmp(layer, "Ethernet") == 0)
		return NIC_ROCE;
	return NIC_INFINIBAND;
}

/* The first interface of the device, of this port where it has several. */
static int find_netdev(struct nic *nic, const char *root, const char *class, unsigned int port,
		       struct error *err)
{
	struct names names = { .items = NULL };
	int result = sysfs_list(&names, err, root, "%s/%s/device/net", class, nic->name);
	size_t best = names.count;

	for (size_t i = 0; i < names.count && best == names.count; i++) {
		char value[SYSFS_LINE_MAX];
		unsigned int number = 0;

		if (sysfs_line(value, root, "%s/%s/device/net/%s/dev_port", class, nic->name,
			       names.items[i]))
			(void)name_number(value, "", &number);
		if (number + 1 == port)
			best = i;
	}
	if (result == 0 && names.count > 0)
		result = keep(&nic->netdev, names.items[best < names.count ? best : 0], err);
	strings_free(names.items);
	return result;
}

/* With Ethernet, below the device there may be other interfaces than the one that the port uses:
 * those of virtual functions, or parts of a bond. */
static int find_ethernet(struct nic *nic, const char *root, unsigned int port, struct error *err)
{
	char value[SYSFS_LINE_MAX];

	for (unsigned int i = 0; i < GIDS_MAX; i++)
		if (sysfs_line(value, root, INFINIBAND "/%s/ports/%u/gid_attrs/ndevs/%u", nic->name,
			       port, i))
			return keep(&nic->netdev, value, err);
	return find_netdev(nic, root, INFINIBAND, port, err);
}

/* PSM opens the unit of the name "hfi1_N". Where udev has given the device another one, nothing
 * tells its unit. */
static int add_hfi_nodes(struct nic *nic, const char *root, struct error *err)
{
	struct names names = { .items = NULL };
	unsigned int unit;
	bool is_unit = name_number(nic->name, "hfi1_", &unit);
	int result = is_unit ? add_node(nic, "/dev", nic->name, err)
			     : sysfs_list(&names, err, root, HFI);

	for (size_t i = 0; i < names.count && result == 0; i++)
		if (name_number(names.items[i], "hfi1_", &unit))
			result = add_node(nic, "/dev", names.items[i], err);
	strings_free(names.items);
	return result;
}

static int add_rdma(struct niclist *list, const char *root, const char *name, struct error *err)
{
	char driver[SYSFS_LINE_MAX];
	bool has_driver = sysfs_link(driver, root, INFINIBAND "/%s/device/driver", name);
	unsigned int active, port;
	struct nic *nic;

	if (find_port(root, name, &active, &port, err) < 0)
		return -1;
	if (active > 0)
		port = active;
	nic = add_nic(list, find_kind(root, name, has_driver ? driver : "", port), name, err);
	if (!nic || (has_driver && keep(&nic->driver, driver, err) < 0))
		return -1;
	nic->port = active;
	sysfs_pci(nic->pci, root, INFINIBAND "/%s/device", name);
	if (nic->kind == NIC_OPA && add_hfi_nodes(nic, root, err) < 0)
		return -1;
	return nic->kind == NIC_ROCE ? find_ethernet(nic, root, port, err)
				     : find_netdev(nic, root, INFINIBAND, port, err);
}

static struct nic *find_rdma(struct niclist *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind != NIC_CXI && strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

/* Gives each device file of a class to its adapter. Those for management belong to one port. */
static int add_rdma_nodes(struct niclist *list, const char *root, const char *class,
			  const char *prefix, struct error *err)
{
	struct names names = { .items = NULL };
	int result = sysfs_list(&names, err, root, "%s", class);

	for (size_t i = 0; i < names.count && result == 0; i++) {
		char owner[SYSFS_LINE_MAX], port[SYSFS_LINE_MAX];
		unsigned int number;
		struct nic *nic;

		if (!name_number(names.items[i], prefix, &number) ||
		    !sysfs_line(owner, root, "%s/%s/ibdev", class, names.items[i]))
			continue;
		nic = find_rdma(list, owner);
		if (!nic)
			continue;
		if (sysfs_line(port, root, "%s/%s/port", class, names.items[i]) &&
		    (!name_number(port, "", &number) || !is_active(root, owner, number)))
			continue;
		result = add_node(nic, "/dev/infiniband", names.items[i], err);
	}
	strings_free(names.items);
	return result;
}

static int find_infiniband(struct niclist *list, const char *root, struct error *err)
{
	struct names names = { .items = NULL };
	int result = sysfs_list(&names, err, root, INFINIBAND);

	for (size_t i = 0; i < names.count && result == 0; i++)
		result = add_rdma(list, root, names.items[i], err);
	strings_free(names.items);
	if (result < 0 || list->count == 0)
		return result;
	return add_rdma_nodes(list, root, VERBS, "uverbs", err) < 0
		       ? -1
		       : add_rdma_nodes(list, root, MAD, "umad", err);
}

/* ---- Slingshot ------------------------------------------------------------------------------- */

static int add_cxi(struct niclist *list, const char *root, const char *class, const char *name,
		   struct error *err)
{
	char value[SYSFS_LINE_MAX];
	struct nic *nic = add_nic(list, NIC_CXI, name, err);

	if (!nic || add_node(nic, "/dev", name, err) < 0)
		return -1;
	sysfs_pci(nic->pci, root, "%s/%s/device", class, name);
	if (sysfs_link(value, root, "%s/%s/device/driver", class, name) &&
	    keep(&nic->driver, value, err) < 0)
		return -1;
	/* A virtual function does not tell. */
	if (!sysfs_line(value, root, "%s/%s/device/properties/link", class, name) ||
	    strcmp(value, "0") != 0)
		nic->port = 1;
	return find_netdev(nic, root, class, 1, err);
}

/* The class was called "cxi" first; libcxi goes by "cxi_user". */
static int find_cxi(struct niclist *list, const char *root, struct error *err)
{
	static const char *const classes[] = { "/sys/class/cxi", "/sys/class/cxi_user" };
	bool is_found = false;
	int result = 0;

	for (size_t c = 0; c < sizeof(classes) / sizeof(classes[0]) && result == 0 && !is_found;
	     c++) {
		struct names names = { .items = NULL };
		unsigned int number;

		result = sysfs_list(&names, err, root, "%s", classes[c]);
		for (size_t i = 0; i < names.count && result == 0; i++) {
			if (!name_number(names.items[i], "cxi", &number))
				continue;
			is_found = true;
			result = add_cxi(list, root, classes[c], names.items[i], err);
		}
		strings_free(names.items);
	}
	return result;
}

/* ---- All ------------------------------------------------------------------------------------- */

static int compare_nics(const void *a, const void *b)
{
	const struct nic *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strverscmp(x->name, y->name);
}

int niclist_find(struct niclist *list, const char *root, struct error *err)
{
	*list = (struct niclist){ .items = NULL };
	if (find_infiniband(list, root, err) < 0 || find_cxi(list, root, err) < 0)
		return -1;
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_nics);
	return 0;
}

void niclist_done(struct niclist *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].driver);
		free(list->items[i].netdev);
		strings_free(list->items[i].nodes);
	}
	free(list->items);
	*list = (struct niclist){ .items = NULL };
}

char **nic_common_nodes(const char *root, struct error *err)
{
	static const char *const files[] = { "/dev/infiniband/rdma_cm", "/dev/gdrdrv" };
	struct names nodes = { .items = NULL };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (sysfs_has_file(root, files[i]) && names_add(&nodes, err, "%s", files[i]) < 0) {
			strings_free(nodes.items);
			return NULL;
		}
	return names_take(&nodes, err);
}
