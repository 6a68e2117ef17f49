/* SPDX-License-Identifier: BSD-3-Clause */
/* cpulist.c - see cpulist.h. */
#include "launcher/devices/cpulist.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 9

static int parse_number(const char **at, unsigned int *number)
{
	size_t len = strspn(*at, "0123456789");

	if (len == 0 || len > DIGITS_MAX)
		return -1;
	*number = (unsigned int)strtoul(*at, NULL, 10);
	*at += len;
	return 0;
}

static int parse_range(const char **at, cpu_set_t *cpus)
{
	unsigned int first, last;

	if (parse_number(at, &first) < 0)
		return -1;
	last = first;
	if (**at == '-') {
		(*at)++;
		if (parse_number(at, &last) < 0 || last < first)
			return -1;
	}
	for (unsigned int cpu = first; cpu <= last && cpu < CPU_SETSIZE; cpu++)
		CPU_SET(cpu, cpus);
	return 0;
}

int cpulist_parse(const char *text, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	if (!*text || isspace((unsigned char)*text))
		return 0;
	for (;;) {
		if (parse_range(&text, cpus) < 0)
			return -1;
		if (!*text || isspace((unsigned char)*text))
			return 0;
		if (*text++ != ',')
			return -1;
	}
}

void cpulist_print(FILE *out, const cpu_set_t *cpus)
{
	const char *comma = "";
	size_t last;

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu = last + 1) {
		last = cpu;
		if (!CPU_ISSET(cpu, cpus))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
			last++;
		fprintf(out, "%s%zu", comma, cpu);
		if (last > cpu)
			fprintf(out, "-%zu", last);
		comma = ",";
	}
}
