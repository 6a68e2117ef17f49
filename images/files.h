/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * files.h - a few files of an image, by their paths in it: of one that is mounted or a directory, or of one
 * that is neither.
 *
 * No link leads out of the image, and nothing blocks.
 */
#ifndef DAVIT_FILES_H
#define DAVIT_FILES_H

#include <stddef.h>
#include <sys/stat.h>

/* What reads an image that is not there as a directory; as the functions below. */
struct image_reader {
	char *(*read)(const void *image, const char *path, size_t max, size_t *len);
	int (*stat)(const void *image, const char *path, struct stat *st);
	char **(*list)(const void *image, const char *path);
};

struct image_files {
	int root;                          /* the root directory; or */
	const struct image_reader *reader; /* where this is not NULL: */
	const void *image;
};

/* The content of a regular file, NUL-terminated, to be freed. NULL with errno set: EINVAL for what is no
 * regular file, EFBIG for one of more than `max` bytes. */
char *image_files_read(const struct image_files *files, const char *path, size_t max, size_t *len);

/* As stat(2). Returns 0, or -1 with errno set. */
int image_files_stat(const struct image_files *files, const char *path, struct stat *st);

/* The names in a directory, without those that begin with a dot, in the order of strcmp(3): a fresh list that ends with NULL. NULL with errno
 * set. */
char **image_files_list(const struct image_files *files, const char *path);

#endif
