/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nearest_apply.c - the ranks' part of nearest.h: first the numbers of GPUs, then the adapters.
 *
 * NCCL and RCCL work out the topology of the node in each rank and must come to the same result, so
 * all ranks must see the same adapters; they pick the near ones themselves. ("You should not set
 * NCCL_IB_HCA differently on each rank": https://github.com/NVIDIA/nccl/issues/1478.) So
 * NCCL_IB_HCA is left alone, and variables of libfabric, through which their plugins see adapters,
 * are set only where there are no GPUs. Omni-Path's HFI_UNIT and FI_OPX_HFI_SELECT want a number
 * that its driver gives out and no name, and its libraries take the adapter of their NUMA node
 * (fi_opx(7)).
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/affinity.h"
#include "common/fd.h"
#include "launcher/devices/nearest.h"
#include "launcher/devices/nearest_table.h"

struct rank {
	const struct nearest_table *table;
	const cpu_set_t *cpus;     /* empty where they are not known */
	bool owns[TABLE_GPUS_MAX]; /* which GPUs are its own */
	bool has_own;              /* and they are not all of the table */
};

struct choice {
	bool candidates[TABLE_NICS_MAX], chosen[TABLE_NICS_MAX];
};

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot set variables for the devices that are near");
}

/* Sets a variable that is not there. One that is empty is there. */
static int set_default(const char *name, const char *value, struct error *err)
{
	return setenv(name, value, 0) < 0 ? out_of_memory(err) : 0;
}

/* Reads "2,3". Returns how many there are, 0 for anything else. */
static size_t parse_numbers(const char *text, unsigned int numbers[TABLE_GPUS_MAX])
{
	char word[16];
	size_t count = 0, len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (count == TABLE_GPUS_MAX || len >= sizeof(word))
			return 0;
		memcpy(word, text, len);
		word[len] = '\0';
		if (!table_number(word, &numbers[count++]))
			return 0;
		if (!text[len])
			return count;
	}
}

/* The GPUs as Slurm counts them on the node, whatever a cgroup does: of the step, and in batch
 * scripts of the job (srun(1), sbatch(1)). */
static const char *slurm_gpus(void)
{
	const char *text = getenv("SLURM_STEP_GPUS");

	return text ? text : getenv("SLURM_JOB_GPUS");
}

/* Returns the index of a GPU, or the number of all. */
static size_t find_gpu(const struct nearest_table *table, unsigned int number)
{
	size_t i = 0;

	while (i < table->gpu_count && table->gpus[i].number != number)
		i++;
	return i;
}

/* Where a GPU comes among those of its vendor by Slurm's numbers. In a device cgroup Slurm counts
 * like this itself, so whether there is one makes no difference. */
static size_t find_position(const struct nearest_table *table, size_t gpu)
{
	size_t position = 0;

	for (size_t i = 0; i < table->gpu_count; i++)
		if (table->gpus[i].vendor == table->gpus[gpu].vendor &&
		    table->gpus[i].number < table->gpus[gpu].number)
			position++;
	return position;
}

/* The GPU that a library takes for one of Slurm's: that of the same position in its own order. */
static size_t find_used(const struct nearest_table *table, size_t gpu)
{
	enum gpu_vendor vendor = table->gpus[gpu].vendor;
	size_t left = find_position(table, gpu), used = 0;

	while (used < table->gpu_count && (table->gpus[used].vendor != vendor || left-- > 0))
		used++;
	return used == table->gpu_count ? gpu : used;
}

/* A device cgroup of this rank alone is the last word: with one, Slurm 22.05 tells all ranks the
 * numbers of the first. access(2) asks it without opening a GPU. */
static size_t find_allowed(struct rank *rank)
{
	const struct nearest_table *table = rank->table;
	size_t own = 0;

	for (size_t i = 0; i < table->gpu_count; i++) {
		rank->owns[i] =
			!table->gpus[i].file[0] || access(table->gpus[i].file, R_OK | W_OK) == 0;
		own += rank->owns[i];
	}
	return own;
}

static size_t find_told(struct rank *rank)
{
	const struct nearest_table *table = rank->table;
	unsigned int numbers[TABLE_GPUS_MAX];
	const char *text = slurm_gpus();
	size_t count = text ? parse_numbers(text, numbers) : 0, own = 0;

	memset(rank->owns, 0, sizeof(rank->owns));
	for (size_t i = 0; i < count; i++) {
		size_t gpu = find_gpu(table, numbers[i]);

		if (gpu == table->gpu_count)
			continue;
		gpu = find_used(table, gpu);
		own += !rank->owns[gpu];
		rank->owns[gpu] = true;
	}
	return own;
}

static void find_own(struct rank *rank)
{
	size_t own = find_allowed(rank);

	if (own == 0 || own == rank->table->gpu_count)
		own = find_told(rank);
	rank->has_own = own > 0 && own < rank->table->gpu_count;
}

static bool has_vendor(const struct nearest_table *table, enum gpu_vendor vendor)
{
	for (size_t i = 0; i < table->gpu_count; i++)
		if (table->gpus[i].vendor == vendor)
			return true;
	return false;
}

/* Whose GPUs a variable counts: `own`, but where there are only those of another. Slurm sets all of
 * the variables where gres.conf does not say which. Returns false for nobody's. */
static bool counted_vendor(const struct nearest_table *table, enum gpu_vendor own,
			   enum gpu_vendor *vendor)
{
	*vendor = own;
	if (has_vendor(table, own))
		return true;
	if (table->gpu_count == 0)
		return false;
	*vendor = table->gpus[0].vendor;
	for (size_t i = 1; i < table->gpu_count; i++)
		if (table->gpus[i].vendor != *vendor)
			return false;
	return true;
}

/* A text other than Slurm's is somebody else's, or counts what is in a cgroup; so are its names of
 * GPUs and of parts of them ("GPU-...", "MIG-...", "0.1"). */
static int renumber(const struct nearest_table *table, const char *name, enum gpu_vendor own,
		    struct error *err)
{
	unsigned int numbers[TABLE_GPUS_MAX];
	const char *text = getenv(name), *gpus = slurm_gpus();
	char positions[TABLE_GPUS_MAX * 4] = "";
	enum gpu_vendor vendor;
	size_t count, len = 0;

	if (!text || !gpus || strcmp(text, gpus) != 0 || !counted_vendor(table, own, &vendor))
		return 0;
	count = parse_numbers(text, numbers);
	for (size_t i = 0; i < count; i++) {
		size_t gpu = find_gpu(table, numbers[i]);

		/* The user wanted only some of the step's (--container-gpus=LIST). */
		if (gpu == table->gpu_count)
			continue;
		if (table->gpus[gpu].vendor != vendor)
			return 0;
		len += (size_t)snprintf(positions + len, sizeof(positions) - len, "%s%zu",
					len > 0 ? "," : "", find_position(table, gpu));
	}
	if (count > 0 && setenv(name, positions, 1) < 0)
		return out_of_memory(err);
	return 0;
}

static int renumber_all(const struct nearest_table *table, struct error *err)
{
	static const struct {
		const char *name;
		enum gpu_vendor vendor;
	} variables[] = {
		{ "CUDA_VISIBLE_DEVICES", GPU_NVIDIA },
		{ "ROCR_VISIBLE_DEVICES", GPU_AMD },
		{ "ZE_AFFINITY_MASK", GPU_INTEL },
		{ "GPU_DEVICE_ORDINAL", GPU_AMD },
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (renumber(table, variables[i].name, variables[i].vendor, err) < 0)
			return -1;
	return 0;
}

/* Chooses the candidates nearest to each GPU of its own. Returns false where that is not known. */
static bool choose_by_gpus(const struct rank *rank, struct choice *choice)
{
	const struct nearest_table *table = rank->table;
	bool any = false;

	for (size_t gpu = 0; rank->has_own && gpu < table->gpu_count; gpu++) {
		unsigned int nearest = DISTANCE_UNKNOWN;

		if (!rank->owns[gpu])
			continue;
		for (size_t i = 0; i < table->nic_count; i++)
			if (choice->candidates[i] && table->nics[i].distances[gpu] < nearest)
				nearest = table->nics[i].distances[gpu];
		for (size_t i = 0; i < table->nic_count; i++)
			if (choice->candidates[i] && nearest != DISTANCE_UNKNOWN &&
			    table->nics[i].distances[gpu] == nearest)
				any = choice->chosen[i] = true;
	}
	return any;
}

static bool meets(const cpu_set_t *a, const cpu_set_t *b)
{
	cpu_set_t both;

	CPU_AND(&both, a, b);
	return CPU_COUNT(&both) > 0;
}

/* Chooses the candidates near any of these CPUs. Returns false where there are none. */
static bool choose_near(const struct nearest_table *table, const cpu_set_t *cpus,
			struct choice *choice)
{
	bool any = false;

	for (size_t i = 0; i < table->nic_count; i++)
		if (choice->candidates[i] && meets(&table->nics[i].cpus, cpus))
			any = choice->chosen[i] = true;
	return any;
}

/* The rank's own NUMA nodes may have none where others of its package do. */
static bool choose_by_cpus(const struct rank *rank, struct choice *choice)
{
	const struct table_parts *packages = &rank->table->packages;
	cpu_set_t around;

	if (choose_near(rank->table, rank->cpus, choice))
		return true;
	CPU_ZERO(&around);
	for (size_t i = 0; i < packages->count; i++)
		if (meets(&packages->items[i], rank->cpus))
			CPU_OR(&around, &around, &packages->items[i]);
	return choose_near(rank->table, &around, choice);
}

/* Chooses among the adapters of a kind. Returns false where all are as good. */
static bool choose(const struct rank *rank, enum nic_kind kind, struct choice *choice)
{
	const struct nearest_table *table = rank->table;
	size_t candidates = 0, chosen = 0;

	*choice = (struct choice){ .candidates = { false } };
	for (size_t i = 0; i < table->nic_count; i++)
		choice->candidates[i] = table->nics[i].kind == kind;
	if (!choose_by_gpus(rank, choice) && !choose_by_cpus(rank, choice))
		return false;
	for (size_t i = 0; i < table->nic_count; i++) {
		candidates += choice->candidates[i];
		chosen += choice->chosen[i];
	}
	return chosen < candidates;
}

enum form {
	FORM_NAME,   /* "mlx5_0,mlx5_1" */
	FORM_PORT,   /* "mlx5_0:1,mlx5_1:1" */
	FORM_NETDEV, /* "=hsn0,hsn1" */
};

/* Sets a variable to a list of adapters, unless it is there or the list would be empty. */
static int set_list(const char *name, const struct nearest_table *table,
		    const bool chosen[TABLE_NICS_MAX], enum form form, struct error *err)
{
	cleanup_free char *list = NULL;
	size_t size, count = 0;
	FILE *out = open_memstream(&list, &size);

	for (size_t i = 0; out && i < table->nic_count; i++) {
		const struct table_nic *nic = &table->nics[i];
		const char *word = form == FORM_NETDEV ? nic->netdev : nic->name;

		if (!chosen[i] || !word[0])
			continue;
		fprintf(out, "%s%s", count++ > 0 ? "," : form == FORM_NETDEV ? "=" : "", word);
		if (form == FORM_PORT)
			fprintf(out, ":%u", nic->port);
	}
	if (!out || fclose(out) != 0)
		return out_of_memory(err);
	return count > 0 ? set_default(name, list, err) : 0;
}

/* What speaks InfiniBand on Ethernet counts where there is nothing else: beside InfiniBand it is
 * how the node is managed. */
static int apply_verbs(const struct rank *rank, struct error *err)
{
	const struct nearest_table *table = rank->table;
	enum nic_kind kind = NIC_ROCE;
	struct choice choice;

	for (size_t i = 0; i < table->nic_count; i++)
		if (table->nics[i].kind == NIC_INFINIBAND)
			kind = NIC_INFINIBAND;
	if (!choose(rank, kind, &choice))
		return 0;
	/* https://openucx.readthedocs.io/en/master/faq.html: names with ports */
	if (set_list("UCX_NET_DEVICES", table, choice.chosen, FORM_PORT, err) < 0)
		return -1;
	/* Open MPI up to 4: "Comma-delimited list of devices/ports"; it refuses both of the two. */
	if (getenv("OMPI_MCA_btl_openib_if_exclude"))
		return 0;
	return set_list("OMPI_MCA_btl_openib_if_include", table, choice.chosen, FORM_NAME, err);
}

/* fi_efa(7): "A comma-delimited list of EFA device, i.e. NIC, names that should be visible" */
static int apply_efa(const struct rank *rank, struct error *err)
{
	struct choice choice;

	if (rank->table->gpu_count > 0 || !choose(rank, NIC_EFA, &choice))
		return 0;
	return set_list("FI_EFA_IFACE", rank->table, choice.chosen, FORM_NAME, err);
}

/* Is all of the rank on one NUMA node that has an adapter? */
static bool is_on_one_node(const struct rank *rank, const bool candidates[TABLE_NICS_MAX])
{
	const struct table_parts *nodes = &rank->table->nodes;
	struct choice choice = { .candidates = { false } };
	cpu_set_t both;

	memcpy(choice.candidates, candidates, sizeof(choice.candidates));
	for (size_t i = 0; i < nodes->count && CPU_COUNT(rank->cpus) > 0; i++) {
		CPU_AND(&both, &nodes->items[i], rank->cpus);
		if (CPU_EQUAL(&both, rank->cpus))
			return choose_near(rank->table, &nodes->items[i], &choice);
	}
	return false;
}

/* intro_mpi(3) of HPE Cray MPICH: GPU is the adapter closest to the GPU that the program selects,
 * NUMA that of the NUMA node; the default goes by the numbers of ranks. NUMA ends a rank that is on
 * two nodes ("Rank 4 is not confined to a single NUMA node"). */
static int apply_mpich(const struct rank *rank, const struct choice *choice, struct error *err)
{
	const char *gpus = getenv("MPICH_GPU_SUPPORT_ENABLED"), *policy = NULL;

	if (rank->has_own && gpus && strcmp(gpus, "1") == 0)
		policy = "GPU";
	else if (is_on_one_node(rank, choice->candidates))
		policy = "NUMA";
	return policy ? set_default("MPICH_OFI_NIC_POLICY", policy, err) : 0;
}

static int apply_cxi(const struct rank *rank, struct error *err)
{
	const struct nearest_table *table = rank->table;
	struct choice choice;
	bool differ = choose(rank, NIC_CXI, &choice);
	size_t count = 0;

	for (size_t i = 0; i < table->nic_count; i++)
		count += choice.candidates[i];
	if (count > 1 && apply_mpich(rank, &choice, err) < 0)
		return -1;
	/* https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html: "=" for whole names.
	 * Of the interfaces that a node has, NCCL would take the first, which is for its
	 * management. */
	if (table->gpu_count > 0)
		return set_list("NCCL_SOCKET_IFNAME", table, choice.candidates, FORM_NETDEV, err);
	/* fi_cxi(7): "a comma separated list of CXI devices (e.g. cxi0,cxi1)" */
	return differ ? set_list("FI_CXI_DEVICE_NAME", table, choice.chosen, FORM_NAME, err) : 0;
}

int nearest_apply_on(const char *text, const cpu_set_t *cpus, struct error *err)
{
	cleanup_free struct nearest_table *table = calloc(1, sizeof(*table));
	struct rank rank = { .table = table, .cpus = cpus };

	if (!table)
		return out_of_memory(err);
	table_parse(table, text);
	find_own(&rank);
	if (renumber_all(table, err) < 0 || apply_verbs(&rank, err) < 0 ||
	    apply_efa(&rank, err) < 0 || apply_cxi(&rank, err) < 0)
		return -1;
	return 0;
}

int nearest_apply(const char *table, struct error *err)
{
	struct affinity own;

	/* The table knows no CPUs beyond the first 1024: a rank that has only those has none here. */
	(void)affinity_get(0, &own);
	return nearest_apply_on(table, &own.sets[0], err);
}
