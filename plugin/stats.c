/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.c - see stats.h.
 *
 * The user may have written what is read here: fixed fields, by pread, which may be any numbers. The
 * worst that comes is a wrong number on the user's terminal, and in the part of an audit line that is
 * known to be the user's word.
 */
#include "plugin/stats.h"

#include "common/handover.h"
#include "plugin/report.h"

bool stats_read(int memfd, uint64_t values[STAT_COUNT], bool *wanted)
{
	struct handover seen;

	if (memfd < 0 || !handover_read(memfd, &seen) || !handover_stats(&seen, values))
		return false;
	*wanted = seen.counts == HANDOVER_COUNTS_TOLD;
	return true;
}

void stats_report(int memfd, const char *image)
{
	uint64_t values[STAT_COUNT];
	bool wanted;

	if (!stats_read(memfd, values, &wanted) || !wanted)
		return;
	for (unsigned int line = 0; line < STATS_LINES; line++) {
		struct error told = ERROR_INIT;

		stats_tell(values, line, image, &told);
		report_note(&told);
	}
}
