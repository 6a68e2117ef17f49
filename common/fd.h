/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fd.h - owning file descriptors and heap memory, and whole-file input and output.
 *
 * A variable marked cleanup_close or cleanup_free owns its value until steal_fd or steal_ptr takes
 * it away; always initialise it (-1, NULL).
 */
#ifndef DAVIT_FD_H
#define DAVIT_FD_H

#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static inline void cleanup_close_fn(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free_fn(void *ptr)
{
	free(*(void **)ptr);
}

#define cleanup_close __attribute__((cleanup(cleanup_close_fn)))
#define cleanup_free  __attribute__((cleanup(cleanup_free_fn)))

/* Gives a pipe as much room as an unprivileged process may ask for, so that its two ends wait less for each
 * other. What is no pipe stays as it is. */
void fd_widen_pipe(int fd);

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *steal_ptr(void *ptr)
{
	void *taken = *(void **)ptr;

	*(void **)ptr = NULL;
	return taken;
}

/* Frees a list of strings that ends with NULL, and the list; NULL is fine. */
static inline void strings_free(char **strings)
{
	for (char **at = strings; at && *at; at++)
		free(*at);
	free(strings);
}

/* The words of `text` between commas, empty ones too, in a fresh list that ends with NULL; NULL when out
 * of memory. */
char **strings_split(const char *text);

/* Writes all of `data`. Returns 0, or -1 with errno set. */
int fd_write_all(int fd, const void *data, size_t len);

/* pread(2) until `size` bytes are there or the file ends. Returns the length, or -1 with errno set. */
ssize_t fd_pread_all(int fd, void *buf, size_t size, off_t offset);

/* Reads to the end of file, at most `max` bytes (EFBIG beyond), into a fresh NUL-terminated buffer
 * that the caller frees; its length goes to *len unless `len` is NULL. NULL with errno set on
 * failure. */
char *fd_read_all(int fd, size_t max, size_t *len);

/* The same for a regular file; EINVAL for anything else, and errno as it is where `fd` is -1. */
char *fd_read_regular(int fd, size_t max, size_t *len);

/* Writes `text` into the existing file `path` with a single write(2), as the files of /proc want
 * it. Returns 0, or -1 with errno set. */
int fd_write_file(const char *path, const char *text);

#endif
