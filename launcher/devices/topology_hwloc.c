/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology_hwloc.c - the node as hwloc knows it: see topology.h.
 *
 * The library is opened when it is needed: to load it and the two that it needs at the start of
 * each rank would take a tenth of a millisecond. It stays: the process becomes a program soon.
 *
 * hwloc opens all of its plugins before it can be told which to leave alone, and those open the
 * libraries of GPUs; so it gets a path to them where there are none.
 */
#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/library.h"
#include "launcher/devices/topology_model.h"

#define XML_SIZE_MAX ((size_t)64 << 20)
#define LIBRARY      "libhwloc.so.15" /* of all releases 2.x */

#if HWLOC_API_VERSION < 0x00020100 || HWLOC_API_VERSION >= 0x00030000
#error "Davit is made for hwloc 2, from 2.1 on"
#endif

/* Functions of the library. */
static struct {
	__typeof__(hwloc_get_api_version) *get_api_version;
	__typeof__(hwloc_topology_init) *init;
	__typeof__(hwloc_topology_destroy) *destroy;
	__typeof__(hwloc_topology_set_xmlbuffer) *set_xmlbuffer;
	__typeof__(hwloc_topology_set_flags) *set_flags;
	__typeof__(hwloc_topology_set_components) *set_components;
	__typeof__(hwloc_topology_set_all_types_filter) *set_all_types_filter;
	__typeof__(hwloc_topology_set_type_filter) *set_type_filter;
	__typeof__(hwloc_topology_load) *load;
	__typeof__(hwloc_get_type_depth) *get_type_depth;
	__typeof__(hwloc_get_obj_by_depth) *get_obj_by_depth;
	__typeof__(hwloc_bitmap_next) *bitmap_next;
} calls;

/* Variables of hwloc's while it works, and what they were. */
static struct {
	const char *name, *value;
	char *saved;
} variables[] = {
	{ .name = "HWLOC_PLUGINS_PATH", .value = "/dev/null" },
	{ .name = "HWLOC_HIDE_ERRORS", .value = "2" },
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

bool topology_wants_hwloc(void)
{
	static const char *const names[] = { "HWLOC_XMLFILE", "HWLOC_FSROOT", "HWLOC_SYNTHETIC",
					     "HWLOC_COMPONENTS" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && value[0])
			return true;
	}
	return false;
}

static const struct library_call version = { "hwloc_get_api_version", &calls.get_api_version };
static const struct library_call wanted[] = {
	{ "hwloc_topology_init", &calls.init },
	{ "hwloc_topology_destroy", &calls.destroy },
	{ "hwloc_topology_set_xmlbuffer", &calls.set_xmlbuffer },
	{ "hwloc_topology_set_flags", &calls.set_flags },
	{ "hwloc_topology_set_components", &calls.set_components },
	{ "hwloc_topology_set_all_types_filter", &calls.set_all_types_filter },
	{ "hwloc_topology_set_type_filter", &calls.set_type_filter },
	{ "hwloc_topology_load", &calls.load },
	{ "hwloc_get_type_depth", &calls.get_type_depth },
	{ "hwloc_get_obj_by_depth", &calls.get_obj_by_depth },
	{ "hwloc_bitmap_next", &calls.bitmap_next },
};

static int take_calls(void *library, struct error *err)
{
	if (library_take(library, LIBRARY, &version, 1, err) < 0)
		return -1;
	if (calls.get_api_version() >> 16 != HWLOC_API_VERSION >> 16)
		return error_set(err, 0, "%s is of another release", LIBRARY);
	return library_take(library, LIBRARY, wanted, sizeof(wanted) / sizeof(wanted[0]), err);
}

static char *read_xml(const char *file, size_t *len, struct error *err)
{
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text;

	if (fd < 0) {
		error_set(err, errno, "cannot open it");
		return NULL;
	}
	text = fd_read_regular(fd, XML_SIZE_MAX, len);
	if (!text && errno == EINVAL)
		error_set(err, 0, "not a regular file");
	else if (!text)
		error_set(err, errno, "cannot read it");
	return text;
}

static void set_variables(void)
{
	for (size_t i = 0; i < VARIABLES; i++) {
		const char *value = getenv(variables[i].name);

		variables[i].saved = value ? strdup(value) : NULL;
		(void)setenv(variables[i].name, variables[i].value, 1);
	}
}

static void restore_variables(void)
{
	for (size_t i = 0; i < VARIABLES; i++) {
		if (variables[i].saved)
			(void)setenv(variables[i].name, variables[i].saved, 1);
		else
			(void)unsetenv(variables[i].name);
		free(variables[i].saved);
		variables[i].saved = NULL;
	}
}

static unsigned long wanted_flags(void)
{
	unsigned long flags = HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED;

#if HWLOC_API_VERSION >= 0x00020500
	flags |= HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING;
#endif
#if HWLOC_API_VERSION >= 0x00020800
	flags |= HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
		 HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS;
#endif
	return flags;
}

/* What is unknown to a release is none of its components. */
static void leave_out(hwloc_topology_t topology)
{
	/* The last two ask the hardware itself: PCI devices may sleep, and each CPU is bound to. */
	static const char *const components[] = { "cuda", "nvml",      "rsmi", "opencl",
						  "gl",   "levelzero", "pci",  "x86" };

	for (size_t i = 0; i < sizeof(components) / sizeof(components[0]); i++)
		(void)calls.set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST,
					   components[i]);
}

/* Whatever has devices below it must stay unless another object has the same CPUs: a cache may. All
 * PCI devices, since what is an adapter is for the caller to say and not for hwloc's list of
 * classes. */
static int set_filters(hwloc_topology_t topology)
{
	static const struct {
		hwloc_obj_type_t type;
		enum hwloc_type_filter_e filter;
	} filters[] = {
		{ HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL },
		{ HWLOC_OBJ_PCI_DEVICE, HWLOC_TYPE_FILTER_KEEP_ALL },
		{ HWLOC_OBJ_BRIDGE, HWLOC_TYPE_FILTER_KEEP_ALL },
		{ HWLOC_OBJ_OS_DEVICE, HWLOC_TYPE_FILTER_KEEP_NONE },
		{ HWLOC_OBJ_MISC, HWLOC_TYPE_FILTER_KEEP_NONE },
	};

	if (calls.set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_STRUCTURE) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if (calls.set_type_filter(topology, filters[i].type, filters[i].filter) < 0)
			return -1;
	return 0;
}

static int ask(hwloc_topology_t topology, const char *xml, size_t len, struct error *err)
{
	if (set_filters(topology) < 0 || calls.set_flags(topology, wanted_flags()) < 0)
		return error_set(err, errno, "hwloc refuses what it is asked for");
	leave_out(topology);
	if (xml && calls.set_xmlbuffer(topology, xml, (int)len + 1) < 0)
		return error_set(err, errno, "hwloc cannot read it");
	if (calls.load(topology) < 0)
		return error_set(err, errno, "hwloc cannot make sense of it");
	return 0;
}

static void take_cpus(cpu_set_t *cpus, hwloc_const_bitmap_t bitmap)
{
	CPU_ZERO(cpus);
	for (int cpu = calls.bitmap_next(bitmap, -1); cpu >= 0 && cpu < CPU_SETSIZE;
	     cpu = calls.bitmap_next(bitmap, cpu))
		CPU_SET((size_t)cpu, cpus);
}

static int take_regions(hwloc_topology_t from, hwloc_obj_type_t type, struct regions *regions)
{
	int depth = calls.get_type_depth(from, type);
	hwloc_obj_t object;
	cpu_set_t cpus;

	if (depth == HWLOC_TYPE_DEPTH_UNKNOWN || depth == HWLOC_TYPE_DEPTH_MULTIPLE)
		return 0;
	for (unsigned int i = 0; (object = calls.get_obj_by_depth(from, depth, i)); i++) {
		take_cpus(&cpus, object->cpuset);
		if (regions_add(regions, object->os_index, &cpus) < 0)
			return -1;
	}
	return 0;
}

static bool is_outer(const struct regions *regions, const cpu_set_t *cpus)
{
	cpu_set_t both;

	for (size_t i = 0; i < regions->count; i++) {
		CPU_AND(&both, &regions->items[i].cpus, cpus);
		if (CPU_EQUAL(&both, &regions->items[i].cpus) && !CPU_EQUAL(&both, cpus))
			return true;
	}
	return false;
}

/* Memory without CPUs of its own gets those around it from hwloc: such a node has another one in
 * it. */
static void drop_memory(struct regions *nodes)
{
	for (size_t i = nodes->count; i > 0; i--)
		if (is_outer(nodes, &nodes->items[i - 1].cpus)) {
			memmove(&nodes->items[i - 1], &nodes->items[i],
				(nodes->count - i) * sizeof(*nodes->items));
			nodes->count--;
		}
}

static void take_bridge(struct place *place, hwloc_obj_t bridge)
{
	const struct hwloc_bridge_attr_s *attr = &bridge->attr->bridge;

	if (attr->upstream_type == HWLOC_OBJ_BRIDGE_PCI)
		place_add_bridge(place, "%04x:%02x:%02x.%x",
				 (unsigned int)attr->upstream.pci.domain, attr->upstream.pci.bus,
				 attr->upstream.pci.dev, attr->upstream.pci.func);
	else
		place_add_bridge(place, "pci%04x:%02x", (unsigned int)attr->downstream.pci.domain,
				 attr->downstream.pci.secondary_bus);
}

static void take_device(struct topology *topology, hwloc_obj_t device, struct place *place)
{
	const struct hwloc_pcidev_attr_s *attr = &device->attr->pcidev;
	hwloc_obj_t bridges[BRIDGES_MAX], above;
	size_t count = 0;

	*place = (struct place){ .is_known = true };
	snprintf(place->pci, sizeof(place->pci), "%04x:%02x:%02x.%x", (unsigned int)attr->domain,
		 attr->bus, attr->dev, attr->func);
	for (above = device->parent; above && !above->cpuset; above = above->parent)
		if (above->type == HWLOC_OBJ_BRIDGE && count < BRIDGES_MAX)
			bridges[count++] = above;
	while (count > 0)
		take_bridge(place, bridges[--count]);
	place->cpus = topology->all;
	if (above)
		take_cpus(&place->cpus, above->cpuset);
	if (CPU_COUNT(&place->cpus) == 0)
		place->cpus = topology->all;
}

static struct topology *take_all(hwloc_topology_t from, struct error *err)
{
	struct topology *topology = topology_new(err);
	hwloc_obj_t device, machine = calls.get_obj_by_depth(from, 0, 0);
	struct place place;
	int result = 0;

	if (!topology)
		return NULL;
	take_cpus(&topology->all, machine->cpuset);
	if (take_regions(from, HWLOC_OBJ_NUMANODE, &topology->nodes) < 0 ||
	    take_regions(from, HWLOC_OBJ_PACKAGE, &topology->packages) < 0)
		result = -1;
	drop_memory(&topology->nodes);
	for (unsigned int i = 0;
	     result == 0 && (device = calls.get_obj_by_depth(from, HWLOC_TYPE_DEPTH_PCI_DEVICE, i));
	     i++) {
		take_device(topology, device, &place);
		result = places_add(topology->places, &place);
	}
	if (result == 0)
		return topology;
	topology_free(topology);
	error_set(err, ENOMEM, "cannot keep what hwloc says");
	return NULL;
}

static struct topology *load(const char *file, struct error *err)
{
	cleanup_free char *xml = NULL;
	struct topology *topology = NULL;
	hwloc_topology_t from = NULL;
	void *library;
	size_t len = 0;

	if (file) {
		xml = read_xml(file, &len, err);
		if (!xml)
			return NULL;
	}
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		error_set(err, 0, "cannot load hwloc: %s", dlerror());
		error_remedy(err, "ask your admin to install hwloc's library on the nodes");
		return NULL;
	}
	if (take_calls(library, err) == 0) {
		if (calls.init(&from) < 0) {
			error_set(err, errno, "hwloc cannot start");
		} else {
			if (ask(from, xml, len, err) == 0)
				topology = take_all(from, err);
			calls.destroy(from);
		}
	}
	return topology;
}

struct topology *topology_load_hwloc(const char *file, struct error *err)
{
	const char *variable = getenv("HWLOC_XMLFILE");
	struct topology *topology;

	if (!file && variable && variable[0])
		file = variable;
	set_variables();
	topology = load(file, err);
	restore_variables();
	if (!topology)
		error_wrap(err, "cannot find out how near devices are, from '%s'",
			   file ? file : "hwloc's variables");
	return topology;
}
