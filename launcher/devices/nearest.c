/* SPDX-License-Identifier: BSD-3-Clause */
/* nearest.c - the builder's part of nearest.h; that of the ranks is in nearest_apply.c. */
#include "launcher/devices/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/devices/nearest_table.h"
#include "launcher/devices/sysfs.h"

/* Does each of NVIDIA's have an address? */
static bool knows_addresses(const struct nearest_wish *wish)
{
	for (size_t i = 0; i < wish->gpu_count; i++)
		if (wish->gpus[i]->vendor == GPU_NVIDIA && !wish->gpus[i]->pci[0])
			return false;
	return true;
}

/* CUDA counts GPUs of one model by their PCI addresses; /dev/nvidiaN are in the order in which they
 * were found, which on some machines is another. The other libraries count as the kernel does. */
static bool comes_before(const struct gpu *a, const struct gpu *b, bool by_address)
{
	if (a->vendor != b->vendor)
		return a->vendor < b->vendor;
	return by_address && a->vendor == GPU_NVIDIA && pci_compare(a->pci, b->pci) < 0;
}

/* Fills `order` with indices of GPUs. Returns how many. */
static size_t sort_gpus(const struct nearest_wish *wish, size_t order[TABLE_GPUS_MAX])
{
	bool by_address = knows_addresses(wish);
	size_t count = 0, at;

	for (; count < wish->gpu_count && count < TABLE_GPUS_MAX; count++) {
		for (at = count; at > 0 && comes_before(wish->gpus[count],
							wish->gpus[order[at - 1]], by_address);
		     at--)
			order[at] = order[at - 1];
		order[at] = count;
	}
	return count;
}

static void add_nic(struct nearest_table *table, const struct nearest_wish *wish,
		    const struct nic *nic, const size_t order[TABLE_GPUS_MAX])
{
	struct table_nic *entry = &table->nics[table->nic_count];

	if (nic->port == 0 || !table_word(entry->name, nic->name, false))
		return;
	entry->kind = nic->kind;
	entry->port = nic->port;
	(void)table_word(entry->netdev, nic->netdev ? nic->netdev : "", false);
	CPU_ZERO(&entry->cpus);
	if (wish->topology)
		topology_cpus(wish->topology, nic->pci, &entry->cpus);
	for (size_t i = 0; i < table->gpu_count; i++)
		entry->distances[i] = wish->topology ? topology_distance(wish->topology, nic->pci,
									 wish->gpus[order[i]]->pci)
						     : DISTANCE_UNKNOWN;
	table->nic_count++;
}

static void add_parts(struct table_parts *parts, const struct topology *topology,
		      enum topology_part part)
{
	while (parts->count < TABLE_PARTS_MAX &&
	       topology_part(topology, part, parts->count, &parts->items[parts->count]))
		parts->count++;
}

char *nearest_make(const struct nearest_wish *wish, struct error *err)
{
	cleanup_free struct nearest_table *table = calloc(1, sizeof(*table));
	size_t order[TABLE_GPUS_MAX] = { 0 };
	char *text = NULL;

	if (table) {
		table->gpu_count = sort_gpus(wish, order);
		for (size_t i = 0; i < table->gpu_count; i++) {
			const struct gpu *gpu = wish->gpus[order[i]];

			table->gpus[i].number = wish->numbers[order[i]];
			table->gpus[i].vendor = gpu->vendor;
			(void)table_word(table->gpus[i].file,
					 gpu->nodes && gpu->nodes[0] ? gpu->nodes[0] : "", true);
		}
		for (size_t i = 0; wish->nics && i < wish->nics->count; i++)
			if (table->nic_count < TABLE_NICS_MAX)
				add_nic(table, wish, &wish->nics->items[i], order);
		if (wish->topology && table->nic_count > 0) {
			add_parts(&table->nodes, wish->topology, TOPOLOGY_NODE);
			add_parts(&table->packages, wish->topology, TOPOLOGY_PACKAGE);
		}
		text = table_print(table);
	}
	if (!text)
		error_set(err, ENOMEM, "cannot keep which devices are near to each other");
	return text;
}
