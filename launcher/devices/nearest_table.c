/* SPDX-License-Identifier: BSD-3-Clause */
/* nearest_table.c - see nearest_table.h. */
#include "launcher/devices/nearest_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/devices/cpulist.h"

#define LINE_MAX_ 8192
#define NONE      "-"

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-";

static const char *const vendors[] = {
	[GPU_NVIDIA] = "nvidia",
	[GPU_AMD] = "amd",
	[GPU_INTEL] = "intel",
};

static const char *const kinds[] = {
	[NIC_INFINIBAND] = "infiniband", [NIC_ROCE] = "roce",     [NIC_EFA] = "efa",
	[NIC_OPA] = "omni-path",         [NIC_CXI] = "slingshot",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool table_word(char word[TABLE_WORD_MAX], const char *text, bool is_path)
{
	size_t len = strlen(text);

	word[0] = '\0';
	if (len == 0 || len >= TABLE_WORD_MAX || (is_path ? text[0] != '/' : text[0] == '-'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr(letters, text[i]) && !(is_path && text[i] == '/'))
			return false;
	memcpy(word, text, len + 1);
	return true;
}

bool table_number(const char *text, unsigned int *number)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 9 || text[len])
		return false;
	*number = (unsigned int)strtoul(text, NULL, 10);
	return true;
}

static void print_cpus(FILE *out, const cpu_set_t *cpus)
{
	if (CPU_COUNT(cpus) > 0)
		cpulist_print(out, cpus);
	else
		fputs(NONE, out);
}

static void print_nic(FILE *out, const struct table_nic *nic, size_t gpu_count)
{
	fprintf(out, "nic %s %s %u %s ", nic->name, kinds[nic->kind], nic->port,
		nic->netdev[0] ? nic->netdev : NONE);
	print_cpus(out, &nic->cpus);
	for (size_t i = 0; i < gpu_count; i++)
		if (nic->distances[i] == DISTANCE_UNKNOWN)
			fputs(" " NONE, out);
		else
			fprintf(out, " %u", nic->distances[i]);
	fputc('\n', out);
}

static void print_parts(FILE *out, const char *word, const struct table_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++) {
		fprintf(out, "%s ", word);
		print_cpus(out, &parts->items[i]);
		fputc('\n', out);
	}
}

char *table_print(const struct nearest_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < table->gpu_count; i++)
		fprintf(out, "gpu %u %s %s\n", table->gpus[i].number,
			vendors[table->gpus[i].vendor],
			table->gpus[i].file[0] ? table->gpus[i].file : NONE);
	for (size_t i = 0; i < table->nic_count; i++)
		print_nic(out, &table->nics[i], table->gpu_count);
	print_parts(out, "node", &table->nodes);
	print_parts(out, "package", &table->packages);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Returns the index of `word`, or `count` for none of them. */
static size_t find_word(const char *const *words, size_t count, const char *word)
{
	size_t i = 0;

	while (i < count && strcmp(words[i], word) != 0)
		i++;
	return i;
}

/* Takes the next word of a line; "" at the end. */
static char *next_word(char **rest)
{
	char *word = *rest;

	*rest += strcspn(*rest, " ");
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static bool parse_cpus(cpu_set_t *cpus, const char *word)
{
	CPU_ZERO(cpus);
	return strcmp(word, NONE) == 0 || (*word && cpulist_parse(word, cpus) == 0);
}

static void parse_gpu(struct nearest_table *table, char *rest)
{
	const char *number = next_word(&rest), *vendor = next_word(&rest);
	size_t index = find_word(vendors, COUNT_OF(vendors), vendor);
	struct table_gpu gpu;

	if (table->gpu_count == TABLE_GPUS_MAX || index == COUNT_OF(vendors) ||
	    !table_number(number, &gpu.number))
		return;
	gpu.vendor = (enum gpu_vendor)index;
	(void)table_word(gpu.file, next_word(&rest), true);
	table->gpus[table->gpu_count++] = gpu;
}

static void parse_nic(struct nearest_table *table, char *rest)
{
	const char *name = next_word(&rest), *kind = next_word(&rest), *port = next_word(&rest);
	const char *netdev = next_word(&rest), *cpus = next_word(&rest);
	size_t index = find_word(kinds, COUNT_OF(kinds), kind);
	struct table_nic *nic;

	if (table->nic_count == TABLE_NICS_MAX || index == COUNT_OF(kinds))
		return;
	nic = &table->nics[table->nic_count];
	if (!table_word(nic->name, name, false) || !table_number(port, &nic->port) ||
	    !parse_cpus(&nic->cpus, cpus))
		return;
	nic->kind = (enum nic_kind)index;
	(void)table_word(nic->netdev, netdev, false);
	for (size_t i = 0; i < TABLE_GPUS_MAX; i++)
		if (!table_number(next_word(&rest), &nic->distances[i]))
			nic->distances[i] = DISTANCE_UNKNOWN;
	table->nic_count++;
}

static void parse_part(struct table_parts *parts, char *rest)
{
	if (parts->count < TABLE_PARTS_MAX &&
	    parse_cpus(&parts->items[parts->count], next_word(&rest)))
		parts->count++;
}

static void parse_line(struct nearest_table *table, char *line)
{
	const char *word = next_word(&line);

	if (strcmp(word, "gpu") == 0)
		parse_gpu(table, line);
	else if (strcmp(word, "nic") == 0)
		parse_nic(table, line);
	else if (strcmp(word, "node") == 0)
		parse_part(&table->nodes, line);
	else if (strcmp(word, "package") == 0)
		parse_part(&table->packages, line);
}

void table_parse(struct nearest_table *table, const char *text)
{
	char line[LINE_MAX_];

	if (strnlen(text, TABLE_TEXT_MAX) == TABLE_TEXT_MAX)
		return;
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len < sizeof(line)) {
			memcpy(line, text, len);
			line[len] = '\0';
			parse_line(table, line);
		}
		text += len + (text[len] == '\n');
	}
}
