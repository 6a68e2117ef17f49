/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.h - what an image server counts, and how it is shown.
 *
 * The counters lie in memory that the server shares with whoever looks: the plugin, by the handover's
 * memfd, and `davit ps`. That memory is the user's, so what comes out of it may be any number;
 * stats_sum() brings it down to what every form of output can show. The table is the one place that
 * knows names: text, JSON, audit lines and the columns of `davit ps` are made from it.
 */
#ifndef DAVIT_STATS_H
#define DAVIT_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum statistic {
	STAT_MOUNT,        /* microseconds from the server's start until it answers */
	STAT_READ,         /* bytes of files sent to the kernel, for the ranks */
	STAT_DECOMPRESSED, /* bytes that came out of decompressing, of tables, too */
	STAT_STORED,       /* bytes read from the image's file */
	STAT_HITS,         /* blocks that were found decompressed, */
	STAT_MISSES,       /* and blocks that were not */
	STAT_RINGS,        /* requests of any kind that came by io_uring */
	STAT_LOOKUPS,      /* requests of the kernel, by kind */
	STAT_GETATTRS,
	STAT_READLINKS,
	STAT_OPENS, /* of files and directories */
	STAT_READS,
	STAT_READDIRS,
	STAT_XATTRS,
	STAT_OTHERS,
	STAT_COUNT
};

#define STATS_FIRST_REQUEST STAT_LOOKUPS

/* Threads that count do so in several lanes, each in cache lines of its own, so that they do not
 * wait for each other. */
#define STATS_LANES     8
#define STATS_LANE_SIZE 16

_Static_assert(STAT_COUNT <= STATS_LANE_SIZE, "a lane has room for all");

struct stats {
	_Alignas(64) uint64_t lanes[STATS_LANES][STATS_LANE_SIZE];
};

enum stats_unit {
	STATS_NUMBER,
	STATS_BYTES,
	STATS_MICROSECONDS
};

struct statistic_def {
	const char *key;   /* in JSON and audit lines; there times are in ms */
	const char *title; /* of a column */
	const char *words; /* in front of the value, in a text */
	enum stats_unit unit;
};

extern const struct statistic_def stats_table[STAT_COUNT];

/* The most that any value is said to be. */
#define STATS_MAX ((uint64_t)INT64_MAX)

/* Adds the lanes up. Sums are cut to STATS_MAX. */
void stats_sum(const struct stats *stats, uint64_t values[STAT_COUNT]);

/* All requests together. */
uint64_t stats_requests(const uint64_t values[STAT_COUNT]);

#define STATS_TEXT_SIZE 32 /* bytes of the text of one value */

/* A value for programs: digits, and three of them behind the point in ms. Returns `text`. */
const char *stats_plain(enum statistic which, uint64_t value, char text[STATS_TEXT_SIZE]);

/* A value for people, with its unit: "12.3 MiB", "0.4 ms", "17". Returns `text`. */
const char *stats_words(enum statistic which, uint64_t value, char text[STATS_TEXT_SIZE]);

/* All values for people, in as many lines. */
#define STATS_LINES     3
#define STATS_LINE_SIZE 512

/* Writes line `line`, from 0 on, without a line feed. Returns `text`. */
const char *stats_line(const uint64_t values[STAT_COUNT], unsigned int line,
		       char text[STATS_LINE_SIZE]);

/* The same as the user is told it in the end, by notes that are no failures; before it, which copy of the image was
 * read, unless `staged` is "". */
void stats_tell(const uint64_t values[STAT_COUNT], const char *staged, const char *image,
		void (*tell)(const struct error *note));

#endif
