/* SPDX-License-Identifier: BSD-3-Clause */
/* cmdline.c - see cmdline.h. */
#include "plugin/cmdline.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

#define LINE_MAX_BYTES (1 << 22)

int cmdline_read(struct cmdline *line, struct error *err)
{
	cleanup_close int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t len = 0, count = 0;

	*line = (struct cmdline){ .argc = 0 };
	line->text = fd < 0 ? NULL : fd_read_all(fd, LINE_MAX_BYTES, &len);
	if (!line->text)
		return error_set(err, errno, "cannot read the command line in /proc/self/cmdline");
	for (size_t i = 0; i < len; i++)
		count += line->text[i] == '\0';
	line->argv = calloc(count + 2, sizeof(*line->argv));
	if (!line->argv)
		return error_set(err, ENOMEM, "cannot keep the command line");
	for (char *at = line->text; at < line->text + len; at += strlen(at) + 1)
		line->argv[line->argc++] = at;
	return 0;
}

void cmdline_done(struct cmdline *line)
{
	free((void *)line->argv);
	free(line->text);
	*line = (struct cmdline){ .argc = 0 };
}

struct component cmdline_component(const struct cmdline *line, int begin, int stopped, bool is_srun)
{
	struct component component = { .begin = begin, .options_end = begin + stopped, .next = -1 };
	int at = component.options_end;

	if (at > line->argc)
		at = component.options_end = line->argc;
	while (is_srun && at < line->argc && strcmp(line->argv[at], ":") != 0)
		at++;
	if (at < line->argc && strcmp(line->argv[at], ":") == 0)
		component.next = at;
	return component;
}

/* The text behind `prefix`, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

bool cmdline_has(const struct cmdline *line, int begin, int end, const char *name)
{
	for (int i = begin + 1; i < end && i < line->argc; i++) {
		const char *option = behind(line->argv[i], "--");
		const char *rest = option ? behind(option, name) : NULL;

		if (rest && (!rest[0] || rest[0] == '='))
			return true;
	}
	return false;
}

static bool is_named(const char *arg, size_t len, const char *name)
{
	return len == strlen("--") + strlen(name) && strncmp(arg + 2, name, len - 2) == 0;
}

/* getopt takes what an option begins with for the option; --pack-group is the older name. */
static bool is_group_option(const char *arg, size_t len, const char *name)
{
	(void)name;
	return (len >= strlen("--het") && strncmp(arg, "--het-group", len) == 0) ||
	       (len >= strlen("--pack") && strncmp(arg, "--pack-group", len) == 0);
}

static const char *find_value(const struct cmdline *line, const struct component *component,
			      bool (*is)(const char *arg, size_t len, const char *name),
			      const char *name)
{
	const char *value = NULL;

	for (int i = component->begin + 1; i < component->options_end; i++) {
		const char *arg = line->argv[i];
		size_t len = strcspn(arg, "=");

		if (strncmp(arg, "--", 2) != 0 || !is(arg, len, name))
			continue;
		if (arg[len])
			value = arg + len + 1;
		else if (i + 1 < component->options_end)
			value = line->argv[++i];
	}
	return value;
}

const char *cmdline_value(const struct cmdline *line, const struct component *component,
			  const char *name)
{
	return find_value(line, component, is_named, name);
}

static int parse_number(const char **at)
{
	int value = 0;

	if (!isdigit((unsigned char)**at))
		return -1;
	for (; isdigit((unsigned char)**at) && value < HET_GROUPS_MAX; (*at)++)
		value = 10 * value + (**at - '0');
	return value < HET_GROUPS_MAX ? value : -1;
}

/* "0,2-3" or "[0,2-3]" */
static int parse_groups(const char *text, bool groups[HET_GROUPS_MAX])
{
	const char *at = text + (text[0] == '[');
	int first, last;

	do {
		first = last = parse_number(&at);
		if (first >= 0 && *at == '-') {
			at++;
			last = parse_number(&at);
		}
		if (first < 0 || last < first)
			return -1;
		for (int i = first; i <= last; i++)
			groups[i] = true;
	} while (*at++ == ',');
	at--;
	return strcmp(at, text[0] == '[' ? "]" : "") == 0 ? 0 : -1;
}

int cmdline_groups(const struct cmdline *line, const struct component *component, int otherwise,
		   bool groups[HET_GROUPS_MAX], struct error *err)
{
	const char *value = find_value(line, component, is_group_option, NULL);

	memset(groups, 0, HET_GROUPS_MAX * sizeof(groups[0]));
	if (!value && otherwise < HET_GROUPS_MAX) {
		groups[otherwise] = true;
		return 0;
	}
	if (value && parse_groups(value, groups) == 0)
		return 0;
	error_set(err, 0, "cannot tell which components of the job --het-group='%s' means",
		  value ? value : "");
	return error_remedy(err, "numbers, as in --het-group=0,2-3");
}
