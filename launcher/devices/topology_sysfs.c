/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology_sysfs.c - the node as the kernel shows it: see topology.h.
 *
 * NUMA nodes and packages are few files. Of a device, the link /sys/bus/pci/devices/ADDRESS names
 * all bridges above it ("../../../devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0"), and one file has
 * its CPUs. That costs no access to the device itself; a read of its configuration space may wake
 * it up.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/cpulist.h"
#include "launcher/devices/sysfs.h"
#include "launcher/devices/topology_model.h"

/* The CPUs or nodes in a list of the kernel's; false where there is none. */
#define read_list(list, root, ...)                                                         \
	({                                                                                 \
		char text_[SYSFS_TEXT_MAX];                                                \
		sysfs_text(text_, root, __VA_ARGS__) && cpulist_parse(text_, (list)) == 0; \
	})

static int find_nodes(struct topology *topology)
{
	const char *root = topology->root;
	cpu_set_t numbers, cpus;

	/* Memory may be a node of its own: HBM, CXL, that of GPUs. */
	if (!read_list(&numbers, root, "/sys/devices/system/node/has_cpu"))
		return 0;
	for (unsigned int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &numbers) ||
		    !read_list(&cpus, root, "/sys/devices/system/node/node%u/cpulist", i))
			continue;
		if (regions_add(&topology->nodes, i, &cpus) < 0)
			return -1;
	}
	return 0;
}

/* The name of that file since Linux 5.3 and the one before. */
static bool read_package(const char *root, unsigned int cpu, cpu_set_t *cpus)
{
	return read_list(cpus, root, "/sys/devices/system/cpu/cpu%u/topology/package_cpus_list",
			 cpu) ||
	       read_list(cpus, root, "/sys/devices/system/cpu/cpu%u/topology/core_siblings_list",
			 cpu);
}

static int find_packages(struct topology *topology)
{
	static const char number_file[] =
		"/sys/devices/system/cpu/cpu%u/topology/physical_package_id";
	cpu_set_t left = topology->all, cpus;
	char number[SYSFS_LINE_MAX];

	for (unsigned int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &left) || !read_package(topology->root, i, &cpus) ||
		    !sysfs_line(number, topology->root, number_file, i))
			continue;
		for (unsigned int cpu = i; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &cpus))
				CPU_CLR(cpu, &left);
		if (regions_add(&topology->packages, (unsigned int)strtoul(number, NULL, 10),
				&cpus) < 0)
			return -1;
	}
	return 0;
}

struct topology *topology_load_sysfs(const char *root, struct error *err)
{
	struct topology *topology = topology_new(err);

	if (!topology)
		return NULL;
	topology->root = strdup(root);
	if (topology->root && !read_list(&topology->all, root, "/sys/devices/system/cpu/online")) {
		error_set(err, 0, "cannot find out how near devices are: /sys has no CPUs");
		topology_free(topology);
		return NULL;
	}
	if (topology->root && find_nodes(topology) == 0 && find_packages(topology) == 0)
		return topology;
	topology_free(topology);
	error_set(err, ENOMEM, "cannot find out how near devices are");
	return NULL;
}

/* Takes the bridges from a path as above. Returns false where there is no host bridge. */
static bool take_bridges(struct place *place, char *path)
{
	char *last = strrchr(path, '/'), *name, *rest = NULL;
	bool is_below = false;

	if (!last || strcmp(last + 1, place->pci) != 0)
		return false;
	*last = '\0';
	/* There may be others above it: a virtual bus, a platform. */
	for (name = strtok_r(path, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		is_below = is_below || (strncmp(name, "pci", 3) == 0 && strchr(name, ':'));
		if (is_below)
			place_add_bridge(place, "%s", name);
	}
	return is_below;
}

void topology_locate(const struct topology *topology, struct place *place)
{
	char path[PATH_MAX], target[PATH_MAX];
	int size = snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", topology->root,
			    place->pci);
	ssize_t len;

	len = size < PATH_MAX ? readlink(path, target, sizeof(target) - 1) : -1;
	if (len < 0)
		return;
	target[len] = '\0';
	place->is_known = take_bridges(place, target);
	if (!read_list(&place->cpus, "", "%s/local_cpulist", path) || CPU_COUNT(&place->cpus) == 0)
		place->cpus = topology->all;
}
