/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - see report.h. */
#include "launcher/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

void report(const struct error *err)
{
	char text[3 * ERROR_TEXT_MAX], host[256] = "localhost";
	const char *node = getenv("SLURMD_NODENAME");

	if (!node || !node[0]) {
		gethostname(host, sizeof(host) - 1);
		host[strcspn(host, ".")] = '\0';
		node = host;
	}
	(void)fd_write_all(STDERR_FILENO, text, error_format(err, node, text, sizeof(text)));
}
