/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology.h - how far devices are from each other and from CPUs.
 *
 * topology.c        the answers, from what one of the others knows
 * topology_sysfs.c  the kernel is asked, for the devices in question only: hwloc reads all of a
 *                   node, ten thousand files where it is large
 * topology_hwloc.c  what somebody has written down with hwloc. The one file that knows hwloc
 */
#ifndef DAVIT_DEVICES_TOPOLOGY_H
#define DAVIT_DEVICES_TOPOLOGY_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct topology;

/* Loads this node's. `file` is an XML of hwloc's of this node (lstopo FILE.xml), or NULL: then
 * HWLOC_XMLFILE, HWLOC_FSROOT and the like count, as hwloc has it, else the kernel is asked.
 * hwloc's plugins, which open GPUs, are kept out. NULL with `err` set on failure. */
struct topology *topology_load(const char *file, struct error *err);
void topology_free(struct topology *topology);

/* The CPUs near the PCI device at `pci` ("0000:3b:00.0"): all of the node where it is not known. */
void topology_cpus(const struct topology *topology, const char *pci, cpu_set_t *cpus);

/* Smaller is nearer, comparable among pairs of one node: 0 the same device, up to 99 below the same
 * switch (the bridges on the way), then below the same root port, the same host bridge, on the same
 * NUMA node, the same package, the same machine. UINT_MAX where one of them is not known. */
unsigned int topology_distance(const struct topology *topology, const char *pci, const char *other);

enum topology_part {
	TOPOLOGY_NODE, /* NUMA nodes; those without CPUs do not count */
	TOPOLOGY_PACKAGE
};

/* The CPUs of the part that comes as number `index`, from 0; false behind the last. */
bool topology_part(const struct topology *topology, enum topology_part part, size_t index,
		   cpu_set_t *cpus);

/* Where it hangs, for people: "package 0, NUMA node 1, bridge 0000:3a:00.0"; a fresh string, NULL
 * where it is not known or without memory. */
char *topology_place(const struct topology *topology, const char *pci);

#endif
