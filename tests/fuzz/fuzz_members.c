/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_members.c - any bytes as a tar whose files are asked for.
 *
 * What is found has to lie in the tar. Needs images/import/members.c, images/import/libarchive.c, common/error.c,
 * common/fd.c and libarchive13.
 */
/* link: images/import/feed.c images/import/members.c images/import/libarchive.c common/error.c common/fd.c -ldl */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/import/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct members *members, const char *name, size_t size)
{
	struct error err = ERROR_INIT;
	int64_t found = members_size(members, name, &err);
	size_t len = 0;
	char *text = members_read(members, name, size, &len, &err);

	if (found > (int64_t)size || (found >= 0) != !!text || (text && (int64_t)len != found))
		abort();
	if (found < 0 && !err.cause[0])
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"a", "b", "a/b", "index.json", "manifest.json", "../a"
	};
	struct error err = ERROR_INIT;
	struct members *members;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, data, size) < 0)
		abort();
	members = members_open(fd, &err);
	if (!members && !err.cause[0])
		abort();
	for (size_t i = 0; members && i < sizeof(names) / sizeof(names[0]); i++)
		look(members, names[i], size);
	members_free(members);
	return 0;
}
