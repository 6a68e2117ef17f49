/* SPDX-License-Identifier: BSD-3-Clause */
/* sif.h - finding the system's squashfs in a SIF file of Apptainer or Singularity. */
#ifndef DAVIT_SIF_H
#define DAVIT_SIF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

/* Where in the file, in bytes. */
struct sif_partition {
	off_t offset;
	off_t size;
};

/* Whether a file that begins with these `len` bytes says that it is a SIF. */
bool sif_is_header(const char *head, size_t len);

/* Finds the primary system partition of the SIF in `fd`, a file of `size` bytes. It lies within the
 * file and is a squashfs, if its descriptor tells the truth. Returns 0, or -1 with the reason and a
 * remedy in `err`; the caller puts the image's name in front. */
int sif_find_system(int fd, off_t size, struct sif_partition *partition, struct error *err);

#endif
