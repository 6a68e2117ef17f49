/* SPDX-License-Identifier: BSD-3-Clause */
/* look.c - see look.h. */
#include "launcher/doctor/look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/doctor/facts.h"
#include "launcher/mpi/elf_file.h"

bool look_read(const char *path, char text[LOOK_MAX])
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t len = fd >= 0 ? read(fd, text, LOOK_MAX - 1) : -1;

	text[len > 0 ? len : 0] = '\0';
	return len >= 0;
}

bool look_number(const char *path, long long *number)
{
	char text[LOOK_MAX];

	return look_read(path, text) && facts_number(text, number);
}

static bool is_roots(struct result *result, const char *path, const struct stat *st)
{
	bool is_sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);

	if (st->st_uid != 0) {
		result_add(result, STATUS_FAIL, "'%s' does not belong to root", path);
		result_remedy(result, "chown root '%s'", path);
		return false;
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !is_sticky) {
		result_add(result, STATUS_FAIL, "others than root may write to '%s'", path);
		result_remedy(result, "chmod go-w '%s'", path);
		return false;
	}
	return true;
}

/* The file or directory, and each directory in front of a slash of its name. Changes `path`. */
static bool are_roots(struct result *result, char *path)
{
	struct stat st;

	for (;;) {
		char *slash = strrchr(path, '/');

		if (stat(path, &st) < 0) {
			result_add(result, STATUS_SKIP, "'%s': %s", path, strerror(errno));
			return false;
		}
		if (!is_roots(result, path, &st))
			return false;
		if (strcmp(path, "/") == 0)
			return true;
		slash[slash == path] = '\0';
	}
}

bool look_is_roots(struct result *result, const char *path)
{
	cleanup_free char *real = realpath(path, NULL), *name = NULL;

	if (!real) {
		result_add(result, errno == EACCES ? STATUS_SKIP : STATUS_FAIL, "'%s': %s", path,
			   strerror(errno));
		if (errno == EACCES)
			result_remedy(result, "look as root");
		return false;
	}
	/* Whoever can change a link on the way has a say, too. */
	name = strcmp(real, path) != 0 && path[0] == '/' ? strdup(path) : NULL;
	return (!name || are_roots(result, name)) && are_roots(result, real);
}

uint32_t look_plugin_version(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint32_t version = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    elf_file_bytes(fd, "plugin_version", &version, sizeof(version)) !=
		    (ssize_t)sizeof(version))
		return 0;
	return version;
}

bool look_has_program(const char *name)
{
	static const char *const places[] = { "/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin",
					      "/sbin" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}
