/* SPDX-License-Identifier: BSD-3-Clause */
/* newfile.c - see newfile.h. */
#include "common/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int refuse_create(const char *dir, int reason, struct error *err)
{
	error_set(err, reason, "cannot create a file in '%s'", dir);
	if (reason == ENOENT)
		error_remedy(err, "mkdir %s", dir);
	return error_remedy(err, "a directory that you may write to");
}

int newfile_open(struct newfile *file, const char *path, mode_t mode, struct error *err)
{
	const char *name = name_of(path);
	cleanup_free char *dir = name > path ? strndup(path, (size_t)(name - path)) : strdup(".");
	struct stat st;

	*file = (struct newfile)NEWFILE_INIT;
	file->path = strdup(path);
	if (!dir || !file->path || asprintf(&file->temporary, "%s.davit-%d", name, getpid()) < 0) {
		file->temporary = NULL;
		return error_set(err, ENOMEM, "cannot keep the path");
	}
	file->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (file->dir < 0)
		return refuse_create(dir, errno, err);
	if (!name[0] || (fstatat(file->dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode))) {
		error_set(err, 0, "it is a directory");
		return error_remedy(err, "the path of a file");
	}
	/* With root's rights /dev/null would be a file from then on. */
	if (fstatat(file->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) {
		error_set(err, 0, "it is a device");
		return error_remedy(err, "the path of a file");
	}
	file->fd = openat(file->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	file->unnamed = file->fd >= 0;
	if (file->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		file->fd = openat(file->dir, file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
				  mode);
	return file->fd < 0 ? refuse_create(dir, errno, err) : 0;
}

/* Not by renameat2(2): NFS does not know RENAME_NOREPLACE. */
static int give_name(const struct newfile *file)
{
	const char *name = name_of(file->path);

	if (!file->keeps)
		return renameat(file->dir, file->temporary, file->dir, name);
	if (linkat(file->dir, file->temporary, file->dir, name, 0) < 0)
		return -1;
	(void)unlinkat(file->dir, file->temporary, 0);
	return 0;
}

static int name_it(struct newfile *file, struct error *err)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	if (file->unnamed &&
	    linkat(AT_FDCWD, link, file->dir, file->temporary, AT_SYMLINK_FOLLOW) < 0)
		return error_set(err, errno, "cannot write '%s'", file->path);
	file->unnamed = false;
	if (give_name(file) < 0)
		return error_set(err, errno, "cannot %s '%s'", file->keeps ? "create" : "replace",
				 file->path);
	close(steal_fd(&file->fd));
	return 0;
}

int newfile_name(struct newfile *file, struct error *err)
{
	sigset_t all, before;
	int result;

	if (fsync(file->fd) < 0)
		return error_set(err, errno, "cannot write '%s'", file->path);
	/* A signal between its two names would leave the first. */
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	result = name_it(file, err);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

void newfile_done(struct newfile *file)
{
	if (file->fd >= 0) {
		if (!file->unnamed)
			(void)unlinkat(file->dir, file->temporary, 0);
		close(file->fd);
	}
	if (file->dir >= 0)
		close(file->dir);
	free(file->path);
	free(file->temporary);
	*file = (struct newfile)NEWFILE_INIT;
}
