/* SPDX-License-Identifier: BSD-3-Clause */
/* process.c - see process.h. */
#include "launcher/running/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

#define TEXT_MAX        (1u << 20)
#define ENVIRONMENT_MAX (8u << 20) /* the kernel starts nothing with more than 6 MiB */
#define ANCESTORS_MAX   1000
#define STEPD           "slurmstepd: ["

static const struct {
	uint32_t step;
	const char *name;
} names[] = {
	{ STEP_BATCH, "batch" },
	{ STEP_INTERACTIVE, "interactive" },
	{ STEP_EXTERN, "extern" },
};

bool number_parse(const char *text, uint32_t *value)
{
	unsigned long long number;

	if (!isdigit((unsigned char)text[0]) || text[strspn(text, "0123456789")] != '\0')
		return false;
	errno = 0;
	number = strtoull(text, NULL, 10);
	if (errno || number > UINT32_MAX)
		return false;
	*value = (uint32_t)number;
	return true;
}

const char *step_format(uint32_t step, char *text, size_t size)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (step == names[i].step)
			return names[i].name;
	if (step == STEP_NONE)
		return "-";
	snprintf(text, size, "%u", step);
	return text;
}

bool step_parse(const char *text, uint32_t *step)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i].name) == 0) {
			*step = names[i].step;
			return true;
		}
	return number_parse(text, step) && *step != STEP_NONE;
}

static int open_entry(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int process_open(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return open_entry(AT_FDCWD, path);
}

int process_each(int (*visit)(int proc, pid_t pid, void *data), void *data)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return -1;
	while (result == 0 && (entry = readdir(dir))) {
		cleanup_close int proc = -1;
		uint32_t pid;

		if (!number_parse(entry->d_name, &pid))
			continue;
		proc = open_entry(dirfd(dir), entry->d_name);
		if (proc >= 0)
			result = visit(proc, (pid_t)pid, data);
	}
	closedir(dir);
	return result;
}

static char *read_file(int proc, const char *name, size_t max, size_t *len)
{
	cleanup_close int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? NULL : fd_read_all(fd, max, len);
}

char *process_read(int proc, const char *name)
{
	return read_file(proc, name, TEXT_MAX, NULL);
}

uint64_t process_field(int proc, const char *name, const char *field)
{
	cleanup_free char *text = process_read(proc, name);
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, field, strlen(field)) == 0)
			return strtoull(line + strlen(field), NULL, 10);
	return 0;
}

char *process_environment(int proc, size_t *len)
{
	return read_file(proc, "environ", ENVIRONMENT_MAX, len);
}

const char *process_variable(const char *env, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *at = env; at < env + len; at += strlen(at) + 1)
		if (strncmp(at, name, name_len) == 0 && at[name_len] == '=')
			return at + name_len + 1;
	return NULL;
}

/* It calls itself "slurmstepd: [7.batch]", or "[7.0+1]" in a heterogeneous job. */
bool process_is_stepd(int proc, uint32_t *job, uint32_t *step)
{
	cleanup_free char *title = NULL;
	char *number, *dot;

	title = process_read(proc, "cmdline");
	if (!title || strncmp(title, STEPD, strlen(STEPD)) != 0)
		return false;
	/* The owner of the directory would not do: it is root for whoever is not dumpable. */
	if (process_field(proc, "status", "Uid:") != 0)
		return false;
	number = title + strlen(STEPD);
	number[strcspn(number, "]+")] = '\0';
	dot = strchr(number, '.');
	if (!dot)
		return false;
	*dot = '\0';
	return number_parse(number, job) && step_parse(dot + 1, step);
}

bool process_find_stepd(int proc, uint32_t *job, uint32_t *step)
{
	pid_t pid = (pid_t)process_field(proc, "status", "PPid:");

	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		cleanup_close int ancestor = process_open(pid);

		if (ancestor < 0)
			return false;
		if (process_is_stepd(ancestor, job, step))
			return true;
		pid = (pid_t)process_field(ancestor, "status", "PPid:");
	}
	return false;
}
