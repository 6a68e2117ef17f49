/* SPDX-License-Identifier: BSD-3-Clause */
/* slurmconf.c - see slurmconf.h. */
#include "launcher/devices/slurmconf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/hostlist.h"

#define CONF_MAX  (4u << 20) /* of all files together */
#define FILES_MAX 256
#define DEPTH_MAX 8

/* ---- files ----------------------------------------------------------------------------------- */

struct reading {
	const char *directory;
	FILE *out;
	size_t budget; /* bytes */
	unsigned int files;
};

static char *read_file(struct reading *reading, const char *name, size_t *len)
{
	cleanup_close int fd = -1;
	char path[PATH_MAX];
	struct stat st;
	int written =
		snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : reading->directory,
			 name[0] == '/' ? "" : "/", name);
	char *text;

	if (written < 0 || (size_t)written >= sizeof(path) || reading->files++ == FILES_MAX) {
		errno = E2BIG;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	text = fd_read_all(fd, reading->budget, len);
	if (text)
		reading->budget -= *len;
	return text;
}

/* "Include FILE", which begins in the first column. Returns the file's name, or NULL. */
static char *included(const char *line, size_t len)
{
	const size_t keyword = strlen("include");
	size_t skip = keyword, end;

	if (len <= keyword || strncasecmp(line, "include", keyword) != 0 ||
	    !isspace((unsigned char)line[keyword]))
		return NULL;
	while (skip < len && isspace((unsigned char)line[skip]))
		skip++;
	for (end = skip; end < len && line[end] && !isspace((unsigned char)line[end]);)
		end++;
	return end > skip ? strndup(line + skip, end - skip) : NULL;
}

static int copy_file(struct reading *reading, const char *name, int depth)
{
	size_t len;
	cleanup_free char *text = read_file(reading, name, &len);

	if (!text)
		return -1;
	for (const char *at = text, *end = text + len; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line = newline ? (size_t)(newline - at) : (size_t)(end - at);
		cleanup_free char *file = depth < DEPTH_MAX ? included(at, line) : NULL;

		if (file)
			(void)copy_file(reading, file, depth + 1);
		else
			fwrite(at, 1, line, reading->out);
		fputc('\n', reading->out);
		at += line + (newline != NULL);
	}
	return 0;
}

char *slurmconf_read(const char *directory, const char *name, size_t *len)
{
	char *text = NULL;
	struct reading reading = { .directory = directory,
				   .out = open_memstream(&text, len),
				   .budget = CONF_MAX };
	int result, errnum;

	if (!reading.out)
		return NULL;
	result = copy_file(&reading, name, 0);
	errnum = errno;
	if (ferror(reading.out)) {
		result = -1;
		errnum = ENOMEM;
	}
	if (fclose(reading.out) != 0 && result == 0) {
		result = -1;
		errnum = ENOMEM;
	}
	if (result == 0)
		return text;
	free(text);
	errno = errnum;
	return NULL;
}

/* ---- lines ----------------------------------------------------------------------------------- */

char *slurmconf_copy(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* At a NUL Slurm leaves the line, too. */
	for (char *nul = memchr(copy, '\0', len); nul;
	     nul = memchr(nul, '\0', len - (size_t)(nul - copy)))
		*nul = '#';
	return copy;
}

/* The length of a line without the comment. */
static size_t strip_comment(const char *line, size_t len)
{
	bool is_escaped = false;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '#' && !is_escaped)
			return i;
		is_escaped = line[i] == '\\' && !is_escaped;
	}
	return len;
}

/* Takes the backslash away with which a line goes on. */
static bool strip_continuation(const char *line, size_t *len)
{
	size_t end = *len, slashes = 0;

	while (end > 0 && isspace((unsigned char)line[end - 1]))
		end--;
	while (slashes < end && line[end - slashes - 1] == '\\')
		slashes++;
	if (slashes % 2 == 0)
		return false;
	*len = end - 1;
	return true;
}

static void strip_escapes(char *line)
{
	char *out = line;

	while (*line) {
		if (*line == '\\' && !*++line)
			break;
		*out++ = *line++;
	}
	*out = '\0';
}

char *slurmconf_line(char **at)
{
	char *line = *at, *out = line;
	bool goes_on = true;

	if (!*line)
		return NULL;
	while (goes_on && **at) {
		size_t len = strcspn(*at, "\n"), kept = strip_comment(*at, len);
		char *next = *at + len + ((*at)[len] == '\n');

		goes_on = strip_continuation(*at, &kept);
		memmove(out, *at, kept);
		out += kept;
		*at = next;
	}
	/* At the latest in place of the newline, or at the end of the text. */
	*out = '\0';
	strip_escapes(line);
	return line;
}

static char *skip_blanks(char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

bool slurmconf_pair(char **at, char **key, char **value)
{
	char *from = skip_blanks(*at), *end = from, *quote;

	*key = from;
	while (isalnum((unsigned char)*end) || *end == '_' || *end == '.')
		end++;
	from = skip_blanks(end);
	if (*from && strchr("-*+/", *from))
		from++;
	if (end == *key || *from != '=')
		return false;
	from = skip_blanks(from + 1);
	*end = '\0';
	quote = *from == '"' ? strchr(from + 1, '"') : NULL;
	if (quote && (!quote[1] || isspace((unsigned char)quote[1]))) {
		*value = from + 1;
		*quote = '\0';
		*at = quote + 1;
		return true;
	}
	for (end = from; *end && !isspace((unsigned char)*end);)
		end++;
	*value = from;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return end > from;
}

/* ---- slurm.conf ------------------------------------------------------------------------------ */

const char *slurmconf_gres(char *copy, const char *node)
{
	const char *usual = NULL;
	char *line;

	while ((line = slurmconf_line(&copy))) {
		const char *list = NULL, *gres = NULL;
		char *key, *value;

		while (slurmconf_pair(&line, &key, &value)) {
			if (!list && strcasecmp(key, "NodeName") != 0)
				break;
			if (!list)
				list = value;
			else if (strcasecmp(key, "Gres") == 0)
				gres = value;
		}
		if (!list)
			continue;
		if (strcasecmp(list, "DEFAULT") == 0)
			usual = gres ? gres : usual;
		else if (hostlist_has(list, node))
			return gres ? gres : usual;
	}
	return NULL;
}
