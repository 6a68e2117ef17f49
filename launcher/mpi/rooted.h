/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rooted.h - files below a root directory, by paths that cannot leave it, and lists of such paths.
 *
 * `root` is a descriptor of that directory, O_PATH is enough. All of it may be hostile: nothing here
 * blocks, and everything is bounded.
 */
#ifndef DAVIT_MPI_ROOTED_H
#define DAVIT_MPI_ROOTED_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define PATHS_MAX   1024   /* of a list; what is too much is left out */
#define ENTRIES_MAX 262144 /* that one search reads in all its directories */

struct paths {
	char **items; /* ends with NULL; NULL as long as nothing was added; for strings_free */
	size_t count;
};

/* Takes over `path`; NULL is told as a lack of memory. Returns 0, or -1 with `err` set. */
int paths_take(struct paths *paths, char *path, struct error *err);

/* Adds the directory that the first `len` bytes name, unless it is there or is not absolute. */
int paths_add_directory(struct paths *paths, const char *path, size_t len, struct error *err);

/* Adds the directories that `text` has between any of the characters `separators`. */
int paths_add_text(struct paths *paths, const char *text, const char *separators,
		   struct error *err);

/* "DIRECTORY/NAME", in a fresh string; NULL without memory. */
char *path_join(const char *directory, const char *name);

/* Opens a regular file for reading; -1 with errno set, which is ENOEXEC for what is none. */
int rooted_open(int root, const char *path);

/* Reads a regular file as fd_read_all (common/fd.h) does. */
char *rooted_read(int root, const char *path, size_t max, size_t *len);

bool rooted_has_directory(int root, const char *path);

/* Opens a directory to list it; NULL with errno set. */
DIR *rooted_list(int root, const char *path);

/* The absolute path of a file or directory without links, in a fresh string; NULL with errno set. */
char *rooted_real(int root, const char *path);

/* The same for `path`, which is relative to `directory`, an absolute path without links. */
char *rooted_real_below(int root, const char *directory, const char *path);

/* Adds the directories that the absolute glob(3) pattern matches. *budget counts down the entries
 * that may still be read. Returns 0, or -1 with `err` set. */
int rooted_glob(int root, const char *pattern, struct paths *paths, int *budget, struct error *err);

#endif
