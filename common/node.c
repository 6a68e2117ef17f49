/* SPDX-License-Identifier: BSD-3-Clause */
/* node.c - see node.h. */
#include "common/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void node_name(char name[NODE_NAME_MAX])
{
	const char *slurms = getenv("SLURMD_NODENAME");

	if (slurms && slurms[0]) {
		snprintf(name, NODE_NAME_MAX, "%s", slurms);
		return;
	}
	if (gethostname(name, NODE_NAME_MAX - 1) < 0)
		snprintf(name, NODE_NAME_MAX, "localhost");
	name[NODE_NAME_MAX - 1] = '\0';
	name[strcspn(name, ".")] = '\0';
}
