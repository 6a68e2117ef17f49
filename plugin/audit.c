/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit.c - see audit.h.
 *
 * A line is KEY=VALUE separated by blanks; a text is between quotes, and everything in it but
 * printable ASCII is \xHH, so that no user's string ends it, begins another, or moves a terminal's
 * cursor. Texts have a limit, so that the line stays below what log daemons take (8 KiB by default).
 */
#include "plugin/audit.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"

#ifndef SLURM_BATCH_SCRIPT
#define SLURM_BATCH_SCRIPT 0xfffffffb
#endif
#ifndef SLURM_INTERACTIVE_STEP
#define SLURM_INTERACTIVE_STEP 0xfffffffa
#endif

#define TEXT_MAX 1024 /* bytes of a text that are shown; more is told by "..." */

static struct timespec begun;

static void put_text(FILE *out, const char *key, const char *text)
{
	size_t len = strnlen(text, TEXT_MAX + 1);

	fprintf(out, " %s=\"", key);
	for (size_t i = 0; i < len && i < TEXT_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			fputc(c, out);
		else
			fprintf(out, "\\x%02x", c);
	}
	fputs(len > TEXT_MAX ? "...\"" : "\"", out);
}

static void put_step(FILE *out, spank_t spank)
{
	uint32_t job = 0, step = 0;

	(void)spank_get_item(spank, S_JOB_ID, &job);
	(void)spank_get_item(spank, S_JOB_STEPID, &step);
	fprintf(out, " job=%" PRIu32, job);
	if (step == SLURM_BATCH_SCRIPT)
		fputs(" step=batch", out);
	else if (step == SLURM_INTERACTIVE_STEP)
		fputs(" step=interactive", out);
	else
		fprintf(out, " step=%" PRIu32, step);
}

static void put_who(FILE *out, spank_t spank)
{
	uid_t uid = (uid_t)-1;
	const struct passwd *user;
	char node[256] = "";

	(void)spank_get_item(spank, S_JOB_UID, &uid);
	user = getpwuid(uid);
	gethostname(node, sizeof(node) - 1);
	put_text(out, "user", user ? user->pw_name : "");
	fprintf(out, " uid=%u", uid);
	put_step(out, spank);
	put_text(out, "node", node);
}

static void put_what(FILE *out, const struct verdict *verdict)
{
	put_text(out, "image", verdict->image);
	if (verdict->judged.has_image)
		fprintf(out, " device=%u:%u inode=%" PRIu64 " size=%" PRIu64 " mtime=%" PRId64,
			major(verdict->judged.device), minor(verdict->judged.device),
			verdict->judged.inode, verdict->size, verdict->mtime);
	if (verdict->digest[0])
		put_text(out, "digest", verdict->digest);
	put_text(out, "options", verdict->options);
	put_text(out, "rule", verdict->judged.rule);
}

struct line {
	FILE *out; /* NULL where there is no memory */
	char *text;
	size_t size;
};

static void begin_line(struct line *line, spank_t spank, const struct verdict *verdict)
{
	line->out = open_memstream(&line->text, &line->size);
	if (!line->out)
		return;
	put_who(line->out, spank);
	put_what(line->out, verdict);
}

static void end_line(struct line *line, const char *event)
{
	if (line->out && fclose(line->out) == 0)
		syslog(LOG_AUTHPRIV | LOG_NOTICE, "davit: %s%s", event, line->text);
	free(line->text);
}

void audit_start(spank_t spank, const struct verdict *verdict)
{
	struct line line = { .out = NULL };

	clock_gettime(CLOCK_MONOTONIC, &begun);
	begin_line(&line, spank, verdict);
	end_line(&line, "start");
}

void audit_denied(spank_t spank, const struct verdict *verdict, const char *cause)
{
	struct line line = { .out = NULL };

	begin_line(&line, spank, verdict);
	if (line.out)
		put_text(line.out, "cause", cause);
	end_line(&line, "denied");
}

static void put_counted(FILE *out, const struct counted *counted)
{
	char text[STATS_TEXT_SIZE];

	if (counted->staged[0])
		put_text(out, "staged", counted->staged);
	for (size_t i = 0; i < STAT_COUNT; i++)
		fprintf(out, " %s=%s", stats_table[i].key,
			stats_plain((enum statistic)i, counted->values[i], text));
}

void audit_end(spank_t spank, const struct verdict *verdict, int status, unsigned int ranks,
	       const struct counted *counted)
{
	struct line line = { .out = NULL };
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	begin_line(&line, spank, verdict);
	if (line.out)
		fprintf(line.out, " seconds=%.3f ranks=%u exit=%d signal=%d",
			(double)(now.tv_sec - begun.tv_sec) +
				(double)(now.tv_nsec - begun.tv_nsec) / 1e9,
			ranks, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
			WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (line.out && counted)
		put_counted(line.out, counted);
	end_line(&line, "end");
}
