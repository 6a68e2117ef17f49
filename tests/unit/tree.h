/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.h - a directory of a test's own, which is its working directory, and files in it. */
#ifndef DAVIT_TESTS_TREE_H
#define DAVIT_TESTS_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

static char tree[PATH_MAX]; /* absolute */

static inline int tree_setup(void **state)
{
	(void)state;
	snprintf(tree, sizeof(tree), "%s/davit-unit.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	return mkdtemp(tree) ? chdir(tree) : -1;
}

static inline int tree_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int tree_teardown(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : nftw(tree, tree_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file; the directories above it are made. */
static inline void put_bytes(const char *path, const void *data, size_t len)
{
	cleanup_free char *copy = strdup(path);
	cleanup_close int fd = -1;

	assert_non_null(copy);
	for (char *at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(copy, 0755);
		*at = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, len), 0);
}

static inline void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

#endif
