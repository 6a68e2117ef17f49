/* SPDX-License-Identifier: BSD-3-Clause */
/* beside.c - see beside.h. */
#include "images/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

char *beside_path(int fd, const char *suffix, struct error *err)
{
	char link[64], path[PATH_MAX];
	struct stat is, named;
	char *beside = NULL;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0 || fstat(fd, &is) < 0) {
		error_set(err, errno, "cannot tell where the image is");
		return NULL;
	}
	path[len] = '\0';
	/* The kernel writes " (deleted)" behind the name of such a file. */
	if (stat(path, &named) < 0 || named.st_dev != is.st_dev || named.st_ino != is.st_ino) {
		error_set(err, 0, "the image was removed or replaced meanwhile");
		error_remedy(err, "try again");
		return NULL;
	}
	if (asprintf(&beside, "%s%s", path, suffix) < 0) {
		error_set(err, ENOMEM, "cannot keep the path");
		return NULL;
	}
	return beside;
}

int beside_open(const char *path, struct error *err)
{
	cleanup_close int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return error_set(err, ELOOP, "cannot open '%s', a symbolic link", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "cannot use '%s', which is not a regular file", path);
	return steal_fd(&fd);
}

bool beside_exists(int fd, const char *suffix)
{
	struct error err = ERROR_INIT;
	cleanup_free char *path = beside_path(fd, suffix, &err);
	cleanup_close int file = path ? beside_open(path, &err) : -1;

	return file >= 0 || err.errnum != ENOENT;
}
