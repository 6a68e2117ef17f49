/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.c - see stats.h.
 *
 * The user may have written what is read here: fixed fields, by pread, which may be any numbers and a path
 * of any bytes. The worst that comes is something wrong on the user's terminal, and in the part of an audit
 * line that is known to be the user's word.
 */
#include "plugin/stats.h"

#include "plugin/report.h"

bool stats_read(int memfd, struct counted *counted)
{
	struct handover seen;

	if (memfd < 0 || !handover_read(memfd, &seen) || !handover_stats(&seen, counted->values))
		return false;
	(void)handover_staged(&seen, counted->staged);
	counted->is_wanted = seen.counts == HANDOVER_COUNTS_TOLD;
	return true;
}

void stats_report(int memfd, const char *image)
{
	struct counted counted;

	if (stats_read(memfd, &counted) && counted.is_wanted)
		stats_tell(counted.values, counted.staged, image, report_note);
}
