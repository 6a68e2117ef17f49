/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nearest_table.h - the table of nearest.h, and its text:
 *
 *	gpu 2 nvidia /dev/nvidia2            number, vendor, file; in the order in which the
 *	                                     vendor's libraries count them
 *	nic mlx5_0 infiniband 1 ib0 0-15 3 300
 *	                                     name, kind, port, interface, CPUs, distance to each GPU
 *	node 0-15                            CPUs of a NUMA node
 *	package 0-31                         CPUs of a package
 *
 * "-" stands for what is not known. Names are words of letters, digits, '_', '.', ':' and '-',
 * which is not the first: they go into variables where all else may have a meaning.
 */
#ifndef DAVIT_DEVICES_NEAREST_TABLE_H
#define DAVIT_DEVICES_NEAREST_TABLE_H

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "launcher/devices/gpus.h"
#include "launcher/devices/nics.h"

#define TABLE_GPUS_MAX  64
#define TABLE_NICS_MAX  64
#define TABLE_PARTS_MAX 128
#define TABLE_WORD_MAX  64    /* with the final NUL */
#define TABLE_TEXT_MAX  65536 /* longer text is passed over */

#define DISTANCE_UNKNOWN UINT_MAX

struct table_gpu {
	unsigned int number;
	enum gpu_vendor vendor;
	char file[TABLE_WORD_MAX]; /* "" where it is not known */
};

struct table_nic {
	char name[TABLE_WORD_MAX];
	enum nic_kind kind;
	unsigned int port;
	char netdev[TABLE_WORD_MAX]; /* "" for none */
	cpu_set_t cpus;              /* empty where they are not known */
	unsigned int distances[TABLE_GPUS_MAX];
};

struct table_parts {
	cpu_set_t items[TABLE_PARTS_MAX];
	size_t count;
};

struct nearest_table {
	struct table_gpu gpus[TABLE_GPUS_MAX];
	size_t gpu_count;
	struct table_nic nics[TABLE_NICS_MAX];
	size_t nic_count;
	struct table_parts nodes, packages;
};

/* Copies a name or, with `is_path`, a path. False, and "", where it is not as above. */
bool table_word(char word[TABLE_WORD_MAX], const char *text, bool is_path);

/* Reads a number of digits only, at most nine. */
bool table_number(const char *text, unsigned int *number);

/* The text, a fresh string; NULL without memory. */
char *table_print(const struct nearest_table *table);

/* Reads any text into an empty table; lines that are not as above are passed over. */
void table_parse(struct nearest_table *table, const char *text);

#endif
