/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nics.h - the interconnect adapters of a node: InfiniBand, RoCE, EFA, Omni-Path, Slingshot.
 *
 * From /sys/class/infiniband, infiniband_verbs, infiniband_mad, cxi and hfi1. Text files only.
 */
#ifndef DAVIT_DEVICES_NICS_H
#define DAVIT_DEVICES_NICS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "launcher/devices/gpus.h"

enum nic_kind {
	NIC_INFINIBAND,
	NIC_ROCE,
	NIC_EFA,
	NIC_OPA, /* hfi1 */
	NIC_CXI  /* Slingshot */
};

struct nic {
	enum nic_kind kind;
	char *name;        /* "mlx5_0", "cxi0" */
	char *driver;      /* of the kernel: "mlx5_core"; or NULL */
	unsigned int port; /* the first one that is active, from 1; 0: none */
	char *netdev;      /* "ib0", "hsn0"; or NULL */
	char **nodes; /* its device files: uverbsN, umadN of active ports, hfi1_N, cxiN; ends with NULL */
	char pci[PCI_ADDRESS_MAX]; /* "" where it is not known */
};

struct niclist {
	struct nic *items; /* by kind, then by name with numbers by their value */
	size_t count;
};

/* As gpulist_find(). Adapters without an active port are in the list, too (port 0), since `davit
 * devices` shows them. */
int niclist_find(struct niclist *list, const char *root, struct error *err);
void niclist_done(struct niclist *list);

/* "InfiniBand", "RoCE", "EFA", "Omni-Path", "Slingshot" */
const char *nic_kind_name(enum nic_kind kind);

/* Device files that go with any adapter (/dev/infiniband/rdma_cm) or with a GPU beside one
 * (/dev/gdrdrv); those that exist below `root`: a fresh list that ends with NULL, for strings_free.
 * NULL with `err` set when out of memory. */
char **nic_common_nodes(const char *root, struct error *err);

#endif
