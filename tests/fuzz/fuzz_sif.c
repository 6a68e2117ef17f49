/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_sif.c - any bytes as a SIF file.
 *
 * What is found must lie within the file, which is a little larger than the input says, so that
 * tables far inside are reached by short inputs. Needs images/sif.c, images/read.c, images/stats.c, common/error.c.
 */
/* link: images/sif.c images/read.c images/stats.c common/error.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"
#include "images/sif.h"

#define FILE_SIZE 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct sif_partition partition = { .offset = -1, .size = -1 };
	struct error err = ERROR_INIT;

	if (size > FILE_SIZE)
		return 0;
	if (fd < 0)
		fd = memfd_create("sif", MFD_CLOEXEC);
	/* Back to all zeros first. */
	if (fd < 0 || ftruncate(fd, 0) < 0 || ftruncate(fd, FILE_SIZE) < 0 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	(void)sif_is_header((const char *)data, size);
	if (sif_find_system(fd, FILE_SIZE, &partition, &err) == 0) {
		if (partition.offset < 0 || partition.size < 0 ||
		    partition.offset > FILE_SIZE - partition.size)
			abort();
	} else if (err.cause[0] == '\0' || err.remedy[0] == '\0') {
		abort();
	}
	return 0;
}
