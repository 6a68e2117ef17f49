/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.c - see topology.h. */
#include "launcher/devices/topology.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/devices/sysfs.h"
#include "launcher/devices/topology_model.h"

enum distance {
	DISTANCE_BRIDGES_MAX = 99,
	DISTANCE_ROOT_PORT = 100,
	DISTANCE_HOST_BRIDGE = 200,
	DISTANCE_NODE = 300,
	DISTANCE_PACKAGE = 400,
	DISTANCE_MACHINE = 500
};

struct topology *topology_new(struct error *err)
{
	struct topology *topology = calloc(1, sizeof(*topology));

	if (topology)
		topology->places = calloc(1, sizeof(*topology->places));
	if (topology && topology->places)
		return topology;
	free(topology);
	error_set(err, ENOMEM, "cannot find out how near devices are");
	return NULL;
}

void topology_free(struct topology *topology)
{
	if (!topology)
		return;
	free(topology->nodes.items);
	free(topology->packages.items);
	free(topology->root);
	free(topology->places->items);
	free(topology->places);
	free(topology);
}

/* Makes room for one more of `count` items of this size. */
static void *grow(void *items, size_t count, size_t size)
{
	/* Powers of two only. */
	return count & (count - 1) ? items : reallocarray(items, count ? 2 * count : 1, size);
}

int regions_add(struct regions *regions, unsigned int number, const cpu_set_t *cpus)
{
	struct region *bigger;

	if (CPU_COUNT(cpus) == 0 || regions->count == REGIONS_MAX)
		return 0;
	bigger = grow(regions->items, regions->count, sizeof(*bigger));
	if (!bigger)
		return -1;
	regions->items = bigger;
	bigger[regions->count++] = (struct region){ .number = number, .cpus = *cpus };
	return 0;
}

int places_add(struct places *places, const struct place *place)
{
	struct place *bigger = grow(places->items, places->count, sizeof(*bigger));

	if (!bigger)
		return -1;
	places->items = bigger;
	bigger[places->count++] = *place;
	return 0;
}

void place_add_bridge(struct place *place, const char *format, ...)
{
	va_list args;

	if (place->depth == BRIDGES_MAX)
		return;
	va_start(args, format);
	vsnprintf(place->bridges[place->depth++], BRIDGE_NAME_MAX, format, args);
	va_end(args);
}

struct topology *topology_load(const char *file, struct error *err)
{
	if (file || topology_wants_hwloc())
		return topology_load_hwloc(file, err);
	return topology_load_sysfs("", err);
}

/* Fills in `place`. False where it is not known. */
static bool find(const struct topology *topology, const char *pci, struct place *place)
{
	struct places *places = topology->places;

	memset(place, 0, sizeof(*place));
	if (!pci_parse(pci, place->pci))
		return false;
	for (size_t i = 0; i < places->count; i++)
		if (strcmp(places->items[i].pci, place->pci) == 0) {
			*place = places->items[i];
			return place->is_known;
		}
	if (!topology->root)
		return false;
	topology_locate(topology, place);
	/* Without memory it is looked for again. */
	(void)places_add(places, place);
	return place->is_known;
}

void topology_cpus(const struct topology *topology, const char *pci, cpu_set_t *cpus)
{
	struct place place;

	*cpus = find(topology, pci, &place) ? place.cpus : topology->all;
}

static const struct region *region_around(const struct regions *regions, const cpu_set_t *cpus)
{
	cpu_set_t inside;

	for (size_t i = 0; i < regions->count; i++) {
		CPU_AND(&inside, &regions->items[i].cpus, cpus);
		if (CPU_EQUAL(&inside, cpus))
			return &regions->items[i];
	}
	return NULL;
}

static bool share_region(const struct regions *regions, const struct place *a,
			 const struct place *b)
{
	const struct region *region = region_around(regions, &a->cpus);

	return region && region == region_around(regions, &b->cpus);
}

unsigned int topology_distance(const struct topology *topology, const char *pci, const char *other)
{
	struct place a, b;
	size_t common = 0, bridges;

	if (!find(topology, pci, &a) || !find(topology, other, &b))
		return UINT_MAX;
	if (strcmp(a.pci, b.pci) == 0)
		return 0;
	while (common < a.depth && common < b.depth &&
	       strcmp(a.bridges[common], b.bridges[common]) == 0)
		common++;
	if (common > 2) {
		bridges = a.depth + b.depth - 2 * common + 1;
		return bridges < DISTANCE_BRIDGES_MAX ? (unsigned int)bridges
						      : DISTANCE_BRIDGES_MAX;
	}
	if (common > 0)
		return common == 2 ? DISTANCE_ROOT_PORT : DISTANCE_HOST_BRIDGE;
	if (share_region(&topology->nodes, &a, &b))
		return DISTANCE_NODE;
	return share_region(&topology->packages, &a, &b) ? DISTANCE_PACKAGE : DISTANCE_MACHINE;
}

bool topology_part(const struct topology *topology, enum topology_part part, size_t index,
		   cpu_set_t *cpus)
{
	const struct regions *regions =
		part == TOPOLOGY_NODE ? &topology->nodes : &topology->packages;

	if (index >= regions->count)
		return false;
	*cpus = regions->items[index].cpus;
	return true;
}

char *topology_place(const struct topology *topology, const char *pci)
{
	const struct region *package, *node;
	char *text = NULL;
	size_t size;
	struct place place;
	FILE *out;

	if (!find(topology, pci, &place))
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	package = region_around(&topology->packages, &place.cpus);
	node = region_around(&topology->nodes, &place.cpus);
	if (package)
		fprintf(out, "package %u", package->number);
	if (node)
		fprintf(out, "%sNUMA node %u", ftell(out) > 0 ? ", " : "", node->number);
	/* What is below the same root port shares its way to the CPUs. */
	if (place.depth > 0)
		fprintf(out, "%sbridge %s", ftell(out) > 0 ? ", " : "",
			place.bridges[place.depth > 1]);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
