/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - see report.h. */
#include "launcher/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

static char node[256] = "localhost";

void report_init(void)
{
	const char *name = getenv("SLURMD_NODENAME");

	if (name && name[0]) {
		snprintf(node, sizeof(node), "%s", name);
		error_scrub(node);
	} else {
		gethostname(node, sizeof(node) - 1);
		node[strcspn(node, ".")] = '\0';
	}
}

void report(const struct error *err)
{
	char text[3 * ERROR_TEXT_MAX];

	(void)fd_write_all(STDERR_FILENO, text, error_format(err, node, text, sizeof(text)));
}
