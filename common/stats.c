/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.c - see stats.h. */
#include "common/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct statistic_def stats_table[STAT_COUNT] = {
	[STAT_MOUNT] = { "mount_ms", "MOUNT", "mounted in", STATS_MICROSECONDS },
	[STAT_READ] = { "bytes_read", "READ", "read by ranks", STATS_BYTES },
	[STAT_DECOMPRESSED] = { "bytes_decompressed", "UNPACKED", "decompressed", STATS_BYTES },
	[STAT_STORED] = { "bytes_stored", "STORED", "read from the image's file", STATS_BYTES },
	[STAT_HITS] = { "cache_hits", "HITS", "cache hits", STATS_NUMBER },
	[STAT_MISSES] = { "cache_misses", "MISSES", "misses", STATS_NUMBER },
	[STAT_RINGS] = { "io_uring_requests", "RINGS", "requests by io_uring", STATS_NUMBER },
	[STAT_LOOKUPS] = { "requests_lookup", "NAMES", "names", STATS_NUMBER },
	[STAT_GETATTRS] = { "requests_getattr", "ATTRS", "attributes", STATS_NUMBER },
	[STAT_READLINKS] = { "requests_readlink", "LINKS", "symbolic links", STATS_NUMBER },
	[STAT_OPENS] = { "requests_open", "OPENS", "opens", STATS_NUMBER },
	[STAT_READS] = { "requests_read", "READS", "reads", STATS_NUMBER },
	[STAT_READDIRS] = { "requests_readdir", "LISTS", "listings", STATS_NUMBER },
	[STAT_XATTRS] = { "requests_xattr", "XATTRS", "extended attributes", STATS_NUMBER },
	[STAT_OTHERS] = { "requests_other", "OTHERS", "others", STATS_NUMBER },
};

/* Where each line begins; the last one ends with the table. */
static const enum statistic first_of_line[STATS_LINES + 1] = { STAT_MOUNT, STAT_HITS,
							       STATS_FIRST_REQUEST, STAT_COUNT };

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > STATS_MAX || b > STATS_MAX - a ? STATS_MAX : a + b;
}

void stats_sum(const struct stats *stats, uint64_t values[STAT_COUNT])
{
	memset(values, 0, STAT_COUNT * sizeof(values[0]));
	for (size_t lane = 0; lane < STATS_LANES; lane++)
		for (size_t i = 0; i < STAT_COUNT; i++)
			values[i] = add(values[i],
					__atomic_load_n(&stats->lanes[lane][i], __ATOMIC_RELAXED));
}

uint64_t stats_requests(const uint64_t values[STAT_COUNT])
{
	uint64_t sum = 0;

	for (size_t i = STATS_FIRST_REQUEST; i < STAT_COUNT; i++)
		sum = add(sum, values[i]);
	return sum;
}

const char *stats_plain(enum statistic which, uint64_t value, char text[STATS_TEXT_SIZE])
{
	if (stats_table[which].unit == STATS_MICROSECONDS)
		snprintf(text, STATS_TEXT_SIZE, "%" PRIu64 ".%03u", value / 1000,
			 (unsigned int)(value % 1000));
	else
		snprintf(text, STATS_TEXT_SIZE, "%" PRIu64, value);
	return text;
}

static void put_bytes(uint64_t value, char text[STATS_TEXT_SIZE])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = (double)value / 1024;
	size_t unit = 0;

	if (value < 1024) {
		snprintf(text, STATS_TEXT_SIZE, "%" PRIu64 " bytes", value);
		return;
	}
	/* What would be shown as 1024.0 is one of the next unit. */
	for (; size >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		size /= 1024;
	snprintf(text, STATS_TEXT_SIZE, "%.1f %s", size, units[unit]);
}

const char *stats_words(enum statistic which, uint64_t value, char text[STATS_TEXT_SIZE])
{
	switch (stats_table[which].unit) {
	case STATS_BYTES:
		put_bytes(value, text);
		break;
	case STATS_MICROSECONDS:
		snprintf(text, STATS_TEXT_SIZE, "%.1f ms", (double)value / 1000);
		break;
	default:
		snprintf(text, STATS_TEXT_SIZE, "%" PRIu64, value);
	}
	return text;
}

const char *stats_line(const uint64_t values[STAT_COUNT], unsigned int line,
		       char text[STATS_LINE_SIZE])
{
	char value[STATS_TEXT_SIZE];
	int len = 0;

	text[0] = '\0';
	if (first_of_line[line] == STATS_FIRST_REQUEST)
		len = snprintf(text, STATS_LINE_SIZE, "requests %" PRIu64 ": ",
			       stats_requests(values));
	/* There is room for the longest of numbers. */
	for (size_t i = first_of_line[line]; i < first_of_line[line + 1]; i++) {
		if (i == STAT_RINGS && values[i] == 0)
			continue;
		len += snprintf(text + len, STATS_LINE_SIZE - (size_t)len, "%s%s %s",
				i > first_of_line[line] ? ", " : "", stats_table[i].words,
				stats_words((enum statistic)i, values[i], value));
	}
	return text;
}

void stats_tell(const uint64_t values[STAT_COUNT], const char *staged, const char *image,
		void (*tell)(const struct error *note))
{
	char text[STATS_LINE_SIZE];

	if (staged[0]) {
		struct error note = ERROR_INIT;

		error_set(&note, 0, "image '%s': read from the copy '%s'", image, staged);
		tell(&note);
	}
	for (unsigned int line = 0; line < STATS_LINES; line++) {
		struct error note = ERROR_INIT;

		error_set(&note, 0, "image '%s': %s", image, stats_line(values, line, text));
		tell(&note);
	}
}
