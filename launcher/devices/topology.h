/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology.h - how far devices are from each other and from CPUs, by hwloc. The one file that knows it.
 */
#ifndef DAVIT_DEVICES_TOPOLOGY_H
#define DAVIT_DEVICES_TOPOLOGY_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct topology;

/* Loads this node's, PCI devices with their bridges included and no more than is needed here; hwloc's
 * plugins that open GPUs are kept out. `file` is an XML of hwloc's of this node (lstopo FILE.xml), or
 * NULL: then HWLOC_XMLFILE and the like count, as hwloc has it, else the kernel is asked. NULL with
 * `err` set on failure. */
struct topology *topology_load(const char *file, struct error *err);
void topology_free(struct topology *topology);

/* The CPUs near the PCI device at `pci` ("0000:3b:00.0"): all of the node where it is not known. */
void topology_cpus(const struct topology *topology, const char *pci, cpu_set_t *cpus);

/* The number of hops, smaller is nearer, comparable among pairs of one node: below the same switch,
 * the same root port, the same host bridge, the same NUMA node, the same package, the same machine. UINT_MAX where one of them is
 * not known. */
unsigned int topology_distance(const struct topology *topology, const char *pci, const char *other);

/* Where it hangs, for people: "package 0, NUMA node 1, bridge 0000:3a:00.0"; a fresh string, NULL
 * where it is not known. */
char *topology_place(const struct topology *topology, const char *pci);

#endif
