/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - see report.h. slurm_error() is the one level that slurmstepd forwards to the user. */
#include "plugin/report.h"

#include <slurm/spank.h>
#include <string.h>
#include <unistd.h>

void report(const struct error *err)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	slurm_error("davit: %s: %s", host, err->cause);
	if (err->remedy[0])
		slurm_error("davit: %s: try: %s", host, err->remedy);
}
