/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_nearest.c - any bytes as the table that a rank finds in the recipe, in any environment.
 *
 * Lines NAME=VALUE up to an empty one are variables, CPUS those of the rank; the rest is the table.
 * What is set must be a list of plain words, what was set must stay, and numbers of GPUs may become
 * smaller only. What was read of a table must come back when it is written and read again.
 */
/* link: launcher/devices/nearest_apply.c launcher/devices/nearest_table.c launcher/devices/cpulist.c common/affinity.c common/error.c */
#include <ctype.h>

#include "launcher/devices/cpulist.h"
#include "launcher/devices/nearest.h"
#include "launcher/devices/nearest_table.h"
#include "tests/fuzz/fuzz.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const ours[] = {
	"UCX_NET_DEVICES",      "OMPI_MCA_btl_openib_if_include",
	"NCCL_IB_HCA",          "NCCL_SOCKET_IFNAME",
	"FI_CXI_DEVICE_NAME",   "FI_EFA_IFACE",
	"MPICH_OFI_NIC_POLICY",
};

static const char *const gpus[] = { "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
				    "ZE_AFFINITY_MASK", "GPU_DEVICE_ORDINAL" };

static const char *const theirs[] = { "SLURM_STEP_GPUS", "SLURM_JOB_GPUS",
				      "MPICH_GPU_SUPPORT_ENABLED",
				      "OMPI_MCA_btl_openib_if_exclude" };

static void clear(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		unsetenv(names[i]);
}

static bool is_known(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	for (size_t i = 0; i < COUNT_OF(gpus); i++)
		if (strcmp(gpus[i], name) == 0)
			return true;
	for (size_t i = 0; i < COUNT_OF(theirs); i++)
		if (strcmp(theirs[i], name) == 0)
			return true;
	return false;
}

/* Takes the variables away from the text. Returns the table. */
static const char *take_variables(char *text, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	while (*text && *text != '\n') {
		size_t len = strcspn(text, "\n");
		char *next = text + len + (text[len] == '\n'), *value;

		text[len] = '\0';
		value = strchr(text, '=');
		if (value)
			*value++ = '\0';
		if (value && strcmp(text, "CPUS") == 0)
			(void)cpulist_parse(value, cpus);
		else if (value && is_known(text))
			assert(setenv(text, value, 1) == 0);
		text = next;
	}
	return text;
}

static void keep(char *kept[], const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);

		kept[i] = value ? strdup(value) : NULL;
	}
}

/* What is new is of letters, digits and a few signs. */
static void check_ours(char *kept[])
{
	for (size_t i = 0; i < COUNT_OF(ours); i++) {
		const char *value = getenv(ours[i]);

		if (kept[i])
			assert(value && strcmp(value, kept[i]) == 0);
		else if (value)
			assert(value[0] && value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
							       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
							       "0123456789_.:-,=")] == '\0');
		free(kept[i]);
	}
}

static size_t count_words(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == ',';
	return count;
}

/* The same, or at most as many numbers, each less than there may be GPUs. */
static void check_gpus(char *kept[])
{
	for (size_t i = 0; i < COUNT_OF(gpus); i++) {
		const char *value = getenv(gpus[i]);

		assert(!value == !kept[i]);
		if (value && value[0] && strcmp(value, kept[i]) != 0) {
			char *end;

			assert(count_words(value) <= count_words(kept[i]));
			do {
				assert(isdigit((unsigned char)*value));
				assert(strtoul(value, &end, 10) < TABLE_GPUS_MAX);
				value = end + 1;
			} while (*end == ',');
			assert(!*end);
		}
		free(kept[i]);
	}
}

static void check_table(const char *text)
{
	static struct nearest_table first, second;
	char *printed, *again;

	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	table_parse(&first, text);
	printed = table_print(&first);
	assert(printed);
	table_parse(&second, printed);
	again = table_print(&second);
	assert(again && strcmp(printed, again) == 0);
	assert(strlen(printed) >= TABLE_TEXT_MAX || first.nic_count == second.nic_count);
	free(printed);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	char *text = fuzz_string(data, size), *copy;
	char *kept_ours[COUNT_OF(ours)], *kept_gpus[COUNT_OF(gpus)];
	const char *table;
	cpu_set_t cpus;

	clear(ours, COUNT_OF(ours));
	clear(gpus, COUNT_OF(gpus));
	clear(theirs, COUNT_OF(theirs));
	table = take_variables(text, &cpus);
	copy = strdup(table);
	assert(copy);
	keep(kept_ours, ours, COUNT_OF(ours));
	keep(kept_gpus, gpus, COUNT_OF(gpus));
	fuzz_check_error(nearest_apply_on(copy, &cpus, &err), &err);
	assert(strcmp(copy, table) == 0);
	check_ours(kept_ours);
	check_gpus(kept_gpus);
	check_table(copy);
	free(copy);
	free(text);
	return 0;
}
