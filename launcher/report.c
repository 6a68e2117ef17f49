/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - see report.h. */
#include "launcher/report.h"

#include <unistd.h>

#include "common/fd.h"
#include "common/node.h"

static char node[NODE_NAME_MAX] = "localhost";

void report_init(void)
{
	node_name(node);
	error_scrub(node);
}

void report(const struct error *err)
{
	char text[3 * ERROR_TEXT_MAX];

	(void)fd_write_all(STDERR_FILENO, text, error_format(err, node, text, sizeof(text)));
}

void report_notes(const struct notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		report(&notes->items[i]);
}
