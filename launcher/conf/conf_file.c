/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_file.c - may this file be believed? See conf.h.
 *
 * The file is judged by its descriptor, after it was opened, so that nobody can put another in its
 * place in between; a link to a file of root's is as good as the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "launcher/conf/conf.h"

static int refuse(const char *path, const char *why, const char *remedy, struct error *err)
{
	error_set(err, 0, "cannot use '%s': %s", path, why);
	return error_remedy(err, "%s '%s'", remedy, path);
}

static int check_site(const char *path, const struct stat *st, struct error *err)
{
	if (st->st_uid != 0)
		return refuse(path, "it does not belong to root", "chown root", err);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(path, "others than root may write to it", "chmod go-w", err);
	return 0;
}

/* Whoever may write to the directory can put another file there. */
static int check_site_dir(const char *path, struct error *err)
{
	cleanup_free char *dir = strdup(path);
	struct stat st;

	if (!dir)
		return error_set(err, ENOMEM, "cannot read '%s'", path);
	*strrchr(dir, '/') = '\0';
	if (stat(dir, &st) < 0)
		return error_set(err, errno, "cannot look at '%s'", dir);
	return check_site(dir, &st, err);
}

static int check_user(const char *path, const struct stat *st, struct error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(path, "it belongs to another user", "a file of your own in place of",
			      err);
	if (st->st_mode & S_IWOTH)
		return refuse(path, "everybody may write to it", "chmod o-w", err);
	return 0;
}

/* A home directory that is closed to this user, root's after su say, is not the user's own. */
static bool is_absent(const char *path, enum conf_layer owner)
{
	struct stat st;

	if (errno == ENOENT || errno == ENOTDIR)
		return owner != CONF_ANYBODY;
	return owner == CONF_USER && errno == EACCES && lstat(path, &st) < 0 && errno == EACCES;
}

int conf_read_file(const char *path, enum conf_layer owner, char **text, size_t *len,
		   struct error *err)
{
	/* O_NONBLOCK: opening a FIFO would wait for somebody to write. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int reason = errno;

	if (fd < 0) {
		if (is_absent(path, owner))
			return 0;
		error_set(err, reason, "cannot read '%s'", path);
		return reason == EACCES ? error_remedy(err, "chmod a+r '%s'", path) : -1;
	}
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return refuse(path, "it is not a regular file", "a regular file in place of", err);
	if (owner == CONF_SITE && (check_site(path, &st, err) < 0 || check_site_dir(path, err) < 0))
		return -1;
	if (owner == CONF_USER && check_user(path, &st, err) < 0)
		return -1;
	*text = fd_read_all(fd, YAML_SIZE_MAX, len);
	if (*text)
		return 1;
	if (errno == EFBIG)
		return refuse(path, "it has more than 1 MiB", "shorten", err);
	return error_set(err, errno, "cannot read '%s'", path);
}
