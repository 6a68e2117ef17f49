/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - see report.h. What slurmstepd forwards to the user are errors, and slurm_spank_log(). */
#include "plugin/report.h"

#include <slurm/spank.h>
#include <string.h>
#include <unistd.h>

#if !HAVE_DECL_SLURM_SPANK_LOG
#define slurm_spank_log slurm_error
#endif

#define HOST_MAX 256

static const char *get_host(char host[HOST_MAX])
{
	memset(host, 0, HOST_MAX);
	gethostname(host, HOST_MAX - 1);
	host[strcspn(host, ".")] = '\0';
	return host;
}

void report(const struct error *err)
{
	char host[HOST_MAX];

	get_host(host);
	slurm_error("davit: %s: %s", host, err->cause);
	if (err->remedy[0])
		slurm_error("davit: %s: try: %s", host, err->remedy);
}

void report_note(const struct error *note)
{
	char host[HOST_MAX];

	slurm_spank_log("davit: %s: %s", get_host(host), note->cause);
}
