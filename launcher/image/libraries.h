/* SPDX-License-Identifier: BSD-3-Clause */
/* libraries.h - the C libraries, MPI and CUDA that are in an image, told by its files; none of them is run. */
#ifndef DAVIT_IMAGE_LIBRARIES_H
#define DAVIT_IMAGE_LIBRARIES_H

#include <jansson.h>
#include <sys/stat.h>

#include "launcher/image/opened.h"

struct libraries {
	const struct opened *opened;
	json_t *machines, *libc, *mpi, *cuda; /* lists of texts, and of {name, version, path} */
	size_t files;                         /* that have been opened */
};

void libraries_init(struct libraries *libraries, const struct opened *opened);

/* Looks at a file of the image, by its name first. What cannot be read is passed over. */
void libraries_see(struct libraries *libraries, const char *path, const struct stat *st);

/* Puts what was found into `object`, and forgets it. */
void libraries_tell(struct libraries *libraries, json_t *object);

#endif
