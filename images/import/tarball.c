/* SPDX-License-Identifier: BSD-3-Clause */
/* tarball.c - a tar of a root file system as the one layer of an image: see layers.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/import/layers.h"

static int open_tar(struct layers *layers, size_t index, struct error *err)
{
	const int *source = layers->source;
	int fd = fcntl(*source, F_DUPFD_CLOEXEC, 0);

	(void)index;
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	error_set(err, errno, "cannot read it from its beginning");
	if (fd >= 0)
		close(fd);
	return -1;
}

static void forget(struct layers *layers)
{
	free(layers->source);
}

int layers_open_tar(struct layers *layers, int fd, struct error *err)
{
	int *source = malloc(sizeof(*source));
	struct stat st;

	*layers = (struct layers){ .count = 1, .source = source, .open = open_tar, .done = forget };
	if (!source || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot read it");
	/* What a pipe brings whose other end has failed. */
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		return error_set(err, 0, "it is empty");
	*source = fd;
	layers->list[0].size = st.st_size;
	return 0;
}
