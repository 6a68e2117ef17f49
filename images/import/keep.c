/* SPDX-License-Identifier: BSD-3-Clause */
/* keep.c - see keep.h. */
#include "images/import/keep.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/room.h"

#define ROOM_MAX ((uint64_t)1 << 30)
#define SHARE    4

static uint64_t share_now(void)
{
	return room_in_memory(-1) / SHARE;
}

void keep_init(struct keep *keep)
{
	uint64_t share = share_now();

	keep->room = share < ROOM_MAX ? share : ROOM_MAX;
	for (size_t i = 0; i < LAYERS_MAX; i++)
		keep->files[i] = -1;
}

void keep_begin(struct keep *keep, uint32_t layer, int64_t size)
{
	/* Others may have taken something since. */
	if (size < 0 || (uint64_t)size > keep->room || (uint64_t)size > share_now())
		return;
	keep->files[layer] = memfd_create("davit-layer", MFD_CLOEXEC);
	if (keep->files[layer] >= 0)
		keep->room -= (uint64_t)size;
}

void keep_add(struct keep *keep, uint32_t layer, const void *bytes, size_t size)
{
	if (keep->files[layer] >= 0 && fd_write_all(keep->files[layer], bytes, size) < 0)
		close(steal_fd(&keep->files[layer]));
}

int keep_take(struct keep *keep, uint32_t layer)
{
	int fd = steal_fd(&keep->files[layer]);

	if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		close(steal_fd(&fd));
	return fd;
}

void keep_done(struct keep *keep)
{
	for (size_t i = 0; i < LAYERS_MAX; i++)
		if (keep->files[i] >= 0)
			close(steal_fd(&keep->files[i]));
}
