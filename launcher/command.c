/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * command.c - see command.h.
 *
 * execve(2) says ENOENT for a missing command, a missing interpreter and a missing loader alike, so
 * the file is looked at again before the user is told.
 */
#include "launcher/command.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/machine.h"
#include "launcher/narrow.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The first bytes of `path`, NUL-terminated; "" if it cannot be read. */
static void read_head(const char *path, char *head, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t len = fd < 0 ? -1 : read(fd, head, size - 1);

	head[len < 0 ? 0 : len] = '\0';
	if (len >= 0)
		memset(head + len, 0, size - (size_t)len);
}

static int explain_format(const char *path, const char *head, struct error *err)
{
	struct utsname node = { .machine = "" };

	err->code = EXIT_NOT_EXEC;
	if (memcmp(head, ELFMAG, SELFMAG) == 0) {
		uname(&node);
		error_set(err, 0, "cannot execute '%s': it is a program for %s, this node is %s",
			  path, machine_name(head), node.machine);
		return error_remedy(err, "an image made for %s", node.machine);
	}
	error_set(err, 0, "cannot execute '%s': neither a program nor a script with a '#!' line",
		  path);
	return error_remedy(err, "a first line like #!/bin/sh");
}

/* `path` exists, yet the kernel said ENOENT: what it needs is missing. */
static int explain_interpreter(const char *path, char *head, struct error *err)
{
	err->code = EXIT_NOT_EXEC;
	if (head[0] == '#' && head[1] == '!') {
		char *name = head + 2 + strspn(head + 2, " \t");

		name[strcspn(name, " \t\r\n")] = '\0';
		error_set(err, 0,
			  "cannot execute '%s': its interpreter '%s' is not in the container", path,
			  name);
	} else {
		error_set(err, 0, "cannot execute '%s': its dynamic loader is not in the container",
			  path);
	}
	return error_remedy(
		err, "an image that has it; a program of the node may need the node's libraries");
}

static int explain_exec(const char *path, int cause, struct error *err)
{
	char head[512];
	struct stat st;

	read_head(path, head, sizeof(head));
	err->code = EXIT_NOT_EXEC;
	if (cause == ENOENT)
		return explain_interpreter(path, head, err);
	if (cause == ENOEXEC)
		return explain_format(path, head, err);
	error_set(err, cause, "cannot execute '%s'", path);
	if (cause == EACCES && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return error_set(err, 0, "cannot execute '%s': it is a directory", path);
	if (cause == EACCES)
		return error_remedy(err, "chmod +x %s", path);
	if (cause == E2BIG)
		return error_remedy(err, "fewer or shorter arguments and environment variables");
	if (cause == ENOTCONN || cause == EIO)
		return error_remedy(err,
				    "check the image and the node's log: the image cannot be read");
	return -1;
}

static int not_found(const char *name, const char *where, struct error *err)
{
	err->code = EXIT_NOT_FOUND;
	error_set(err, 0, "command '%s' not found in the container%s%s", name,
		  where[0] ? ": PATH=" : "", where);
	return error_remedy(
		err, "its path inside the image; --container-mounts brings in files of the node");
}

/* Tries `dir`/`name`, which goes to `path`. Returns only on failure, with errno. */
static int try_directory(const char *dir, size_t dir_len, char **argv, char *path)
{
	if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)dir_len, dir, dir_len ? "/" : "./",
		     argv[0]) >= PATH_MAX)
		return ENAMETOOLONG;
	execve(path, argv, environ);
	return errno;
}

static const char *next_directory(const char *dir)
{
	dir += strcspn(dir, ":");
	return *dir ? dir + 1 : NULL;
}

static int exec_in_path(char **argv, struct error *err)
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX], found[PATH_MAX] = "";
	int cause = ENOENT;
	struct stat st;

	if (!argv[0][0])
		return not_found("", "", err);
	if (!dirs || !dirs[0])
		dirs = DEFAULT_PATH;
	for (const char *dir = dirs; dir; dir = next_directory(dir)) {
		int error = try_directory(dir, strcspn(dir, ":"), argv, path);

		/* As execvp(3): go on past what cannot be executed, but remember it. ENOENT for a file
		 * that is there means that its interpreter is not. */
		if (error == ENOTDIR || error == ENAMETOOLONG || found[0] ||
		    (error == ENOENT && stat(path, &st) < 0))
			continue;
		memcpy(found, path, sizeof(found));
		cause = error;
		if (error != EACCES)
			break;
	}
	if (!found[0])
		return not_found(argv[0], dirs, err);
	return explain_exec(found, cause, err);
}

static int exec_path(char **argv, struct error *err)
{
	struct stat st;
	int cause;

	execve(argv[0], argv, environ);
	cause = errno;
	if ((cause == ENOENT || cause == ENOTDIR) && stat(argv[0], &st) < 0)
		return not_found(argv[0], "", err);
	return explain_exec(argv[0], cause, err);
}

int command_exec(char **argv, const char *workdir, enum narrow_to narrow_to,
		 const struct filter *filter, struct error *err)
{
	if (chdir(workdir) < 0) {
		error_set(err, errno,
			  "cannot change to the working directory '%s' in the container", workdir);
		return error_remedy(err,
				    "--container-mounts to bring it in, or --container-workdir=/");
	}
	if (narrow_hide(err) < 0 || narrow(narrow_to, err) < 0 ||
	    filter_load(filter->data, filter->len, err) < 0)
		return -1;
	return strchr(argv[0], '/') ? exec_path(argv, err) : exec_in_path(argv, err);
}
