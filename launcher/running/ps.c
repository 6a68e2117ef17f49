/* SPDX-License-Identifier: BSD-3-Clause */
/* ps.c - `davit ps`: the containers that run on this node, as a table. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/commands.h"
#include "launcher/running/process.h"
#include "launcher/running/ps.h"
#include "launcher/report.h"
#include "launcher/running/running.h"

enum column {
	USER,
	JOB,
	STEP,
	RANKS,
	PROCS,
	MEMORY,
	SERVED,
	NAME,
	COUNTS,
	IMAGE = COUNTS + STAT_COUNT,
	COLUMNS
};

static const char *const titles[COLUMNS] = {
	[USER] = "USER",     [JOB] = "JOB",     [STEP] = "STEP",
	[RANKS] = "RANKS",   [PROCS] = "PROCS", [MEMORY] = "MEMORY",
	[SERVED] = "SERVED", [NAME] = "NAME",   [IMAGE] = "IMAGE"
};

struct row {
	char *cells[COLUMNS];
};

struct choices {
	bool no_header;
	bool bytes;
	bool stats;
	bool json;
	bool help;
};

static void print_help(void)
{
	puts("Usage: davit ps [OPTION]...\n"
	     "List the containers that run on this node: your own, as root those of all users.\n\n"
	     "  -n, --no-header\n        no first line with the names of the columns\n"
	     "  -b, --bytes\n        sizes in bytes\n"
	     "  -s, --stats\n        what the image server has counted so far\n"
	     "  --json\n        for programs: all there is\n"
	     "  -h, --help\n        show this text\n\n"
	     "RANKS are Slurm's tasks and PROCS all processes; MEMORY is theirs, shared memory\n"
	     "divided among those who share it; SERVED is what has been read from the image so far.\n"
	     "Behind the image stands its copy, where one is read (--container-stage).\n"
	     "With --stats: MOUNT is how long it took until the image was there; READ,\n"
	     "UNPACKED and STORED are bytes of files for ranks, sent ahead, decompressed, and read from\n"
	     "the image's file; HITS and MISSES are those of the server's cache; RINGS are\n"
	     "requests that came by io_uring, of whatever kind; the others are requests of the kernel.");
}

static int parse(int argc, char **argv, struct choices *choices, struct error *err)
{
	static const struct option options[] = {
		{ "no-header", no_argument, NULL, 'n' }, { "bytes", no_argument, NULL, 'b' },
		{ "stats", no_argument, NULL, 's' },     { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },      { NULL, 0, NULL, 0 }
	};
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "nbsh", options, NULL)) != -1) {
		choices->no_header |= option == 'n';
		choices->bytes |= option == 'b';
		choices->stats |= option == 's';
		choices->json |= option == 'j';
		choices->help |= option == 'h';
		if (option == '?') {
			error_set(err, 0, "unknown option '%s'", argv[optind - 1]);
			return error_remedy(err, "davit ps --help");
		}
	}
	if (optind < argc) {
		error_set(err, 0, "davit ps takes no argument '%s'", argv[optind]);
		return error_remedy(err, "davit ps --help");
	}
	return 0;
}

/* Formats into fresh memory, without control characters. */
static char *cell(const char *fmt, ...) ERROR_PRINTF(1, 2);

static char *cell(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		error_scrub(text);
	return text;
}

/* "512", "1.5K", "20G": three digits at most before the unit. */
static char *size_cell(uint64_t size, bool bytes)
{
	static const char units[] = "KMGTPE";
	double value = (double)size;
	size_t unit = 0;

	if (bytes || size < 1000)
		return cell("%" PRIu64, size);
	value /= 1024;
	while (value >= 999.5) {
		value /= 1024;
		unit++;
	}
	return cell("%.*f%c", value < 9.95 ? 1 : 0, value, units[unit]);
}

static char *user_cell(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user ? cell("%s", user->pw_name) : cell("%u", uid);
}

static char *count_cell(const struct running *running, enum statistic which, bool bytes)
{
	const uint64_t value = running->counts[which];

	if (!running->is_counted)
		return cell("-");
	switch (stats_table[which].unit) {
	case STATS_BYTES:
		return size_cell(value, bytes);
	case STATS_MICROSECONDS:
		return cell("%.1fms", (double)value / 1000);
	default:
		return cell("%" PRIu64, value);
	}
}

static int fill_row(struct row *row, const struct running *running, bool bytes)
{
	char step[16];

	row->cells[USER] = user_cell(running->uid);
	row->cells[JOB] = running->job ? cell("%u", running->job) : cell("-");
	row->cells[STEP] = cell("%s", step_format(running->step, step, sizeof(step)));
	row->cells[RANKS] = running->ranks ? cell("%zu", running->ranks) : cell("-");
	row->cells[PROCS] = cell("%zu", running->processes);
	row->cells[MEMORY] = size_cell(running->memory, bytes);
	row->cells[SERVED] = running->server ? size_cell(running->served, bytes) : cell("-");
	row->cells[NAME] = cell("%s", running->name ? running->name : "-");
	for (int i = 0; i < STAT_COUNT; i++)
		row->cells[COUNTS + i] = count_cell(running, (enum statistic)i, bytes);
	row->cells[IMAGE] = running->staged ? cell("%s (copy: %s)", running->image, running->staged)
					    : cell("%s", running->image);
	for (size_t i = 0; i < COLUMNS; i++)
		if (!row->cells[i])
			return -1;
	return 0;
}

static bool is_number(enum column column)
{
	return (column >= RANKS && column <= SERVED) || (column >= COUNTS && column < IMAGE);
}

static bool is_shown(enum column column, bool stats)
{
	return column < RANKS || column == IMAGE || stats == (column >= COUNTS);
}

static void print_row(const struct row *row, const int *widths, bool stats)
{
	for (enum column i = 0; i < IMAGE; i++)
		if (is_shown(i, stats))
			printf("%*s  ", is_number(i) ? widths[i] : -widths[i], row->cells[i]);
	puts(row->cells[IMAGE]);
}

static void print_table(const struct row *rows, size_t count, bool stats)
{
	int widths[COLUMNS] = { 0 };

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < COLUMNS; j++) {
			int len = (int)strlen(rows[i].cells[j]);

			widths[j] = len > widths[j] ? len : widths[j];
		}
	for (size_t i = 0; i < count; i++)
		print_row(&rows[i], widths, stats);
}

static const char *title_of(size_t column)
{
	return column >= COUNTS && column < IMAGE ? stats_table[column - COUNTS].title
						  : titles[column];
}

static int print_list(const struct running_list *list, const struct choices *choices,
		      struct error *err)
{
	struct row *rows = calloc(list->count + 1, sizeof(*rows));
	size_t count = 0;
	int result = rows ? 0 : -1;

	if (rows && !choices->no_header) {
		for (size_t i = 0; i < COLUMNS; i++) {
			rows->cells[i] = strdup(title_of(i));
			result = rows->cells[i] ? result : -1;
		}
		count++;
	}
	for (size_t i = 0; result == 0 && i < list->count; i++)
		result = fill_row(&rows[count++], &list->items[i], choices->bytes);
	if (result < 0)
		error_set(err, ENOMEM, "cannot list the containers");
	else
		print_table(rows, count, choices->stats);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < COLUMNS; j++)
			free(rows[i].cells[j]);
	free(rows);
	return result;
}

static int ps(int argc, char **argv, struct error *err)
{
	struct running_list list = { .items = NULL };
	struct choices choices = { .help = false };
	int result = parse(argc, argv, &choices, err);

	if (result < 0)
		return -1;
	if (choices.help) {
		print_help();
		return 0;
	}
	result = running_list_read(&list, true, err);
	if (result == 0)
		result =
			choices.json ? ps_print_json(&list, err) : print_list(&list, &choices, err);
	running_list_done(&list);
	if (result == 0 && fflush(stdout) != 0)
		return error_set(err, errno, "cannot write the list");
	return result;
}

int ps_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (ps(argc, argv, &err) == 0)
		return 0;
	report(&err);
	return err.code;
}
