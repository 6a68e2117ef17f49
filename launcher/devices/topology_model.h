/* SPDX-License-Identifier: BSD-3-Clause */
/* topology_model.h - what the files of topology.h share: the node as topology.c sees it. */
#ifndef DAVIT_DEVICES_TOPOLOGY_MODEL_H
#define DAVIT_DEVICES_TOPOLOGY_MODEL_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "launcher/devices/gpus.h"
#include "launcher/devices/topology.h"

#define BRIDGES_MAX     24   /* above a device */
#define BRIDGE_NAME_MAX 24   /* "0000:3a:00.0"; "pci0000:3a", a host bridge */
#define REGIONS_MAX     1024 /* as many as there may be CPUs */

struct region {
	unsigned int number; /* as the kernel counts */
	cpu_set_t cpus;
};

struct regions {
	struct region *items;
	size_t count;
};

struct place {
	char pci[PCI_ADDRESS_MAX]; /* as pci_parse has it */
	bool is_known;
	size_t depth;                               /* number of bridges */
	char bridges[BRIDGES_MAX][BRIDGE_NAME_MAX]; /* from the host bridge down */
	cpu_set_t cpus;
};

struct places {
	struct place *items;
	size_t count;
};

struct topology {
	cpu_set_t all;
	struct regions nodes, packages; /* those with CPUs */
	char *root;                     /* where topology_sysfs.c looks for more places; or NULL */
	struct places *places;          /* known so far */
};

/* An empty one; NULL with `err` set when out of memory. */
struct topology *topology_new(struct error *err);

/* Adds one with CPUs; one without is left out. Returns 0, or -1 when out of memory. */
int regions_add(struct regions *regions, unsigned int number, const cpu_set_t *cpus);
int places_add(struct places *places, const struct place *place);

/* Appends a bridge, as printf(3) has it; what is too much is left out. */
void place_add_bridge(struct place *place, const char *format, ...) ERROR_PRINTF(2, 3);

/* Reads what the kernel below `root` says: "" on a node. */
struct topology *topology_load_sysfs(const char *root, struct error *err);

/* Looks for the device `place->pci` and fills in the rest. */
void topology_locate(const struct topology *topology, struct place *place);

/* Should hwloc be asked although no file is given? Its variables say so. */
bool topology_wants_hwloc(void);

/* Reads an XML of hwloc's; NULL: what its variables say. */
struct topology *topology_load_hwloc(const char *file, struct error *err);

#endif
