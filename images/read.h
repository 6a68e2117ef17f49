/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * read.h - the one place where bytes of an image file come from.
 *
 * Whoever reads an image, libsquashfuse as well, reads by image_read(). So a file that has a guard
 * gives no byte that the guard has not seen.
 */
#ifndef DAVIT_READ_H
#define DAVIT_READ_H

#include <sys/types.h>

struct image_guard {
	int fd; /* of the image */
	/* As pread(2) of the whole file; any thread may call it at any time. */
	ssize_t (*read)(struct image_guard *guard, void *buf, size_t size, off_t offset);
	struct image_guard *next;
};

/* As pread(2). EIO also stands for bytes that the guard refuses. */
ssize_t image_read(int fd, void *buf, size_t size, off_t offset);

/* Why the file system of an image, or of its seal, failed a read the last time, as an errno; 0 as long as
 * it never has. That tells a disk that does not give the bytes from bytes that make no sense. */
int image_read_failure(void);

/* For guards: a read(2) of theirs has failed. */
void image_read_failed(int errnum);

/* Puts a guard before a descriptor, or takes it away; while there is one thread. */
void image_guard_add(struct image_guard *guard);
void image_guard_remove(struct image_guard *guard);

#endif
