/* SPDX-License-Identifier: BSD-3-Clause */
/* cpulist.h - sets of CPUs as text, as the kernel writes them: "0-15,64-79". */
#ifndef DAVIT_DEVICES_CPULIST_H
#define DAVIT_DEVICES_CPULIST_H

#include <sched.h>
#include <stdio.h>

/* Reads a list up to the end or to a blank; "" is an empty set. Numbers too large for a cpu_set_t
 * are left out. Returns 0, or -1 where it is no such list. */
int cpulist_parse(const char *text, cpu_set_t *cpus);

/* Writes nothing for an empty set. */
void cpulist_print(FILE *out, const cpu_set_t *cpus);

#endif
