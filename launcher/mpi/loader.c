/* SPDX-License-Identifier: BSD-3-Clause */
/* loader.c - see loader.h. */
#include "launcher/mpi/loader.h"

#include "common/fd.h"

int loader_write(struct root *root, const struct ldcache *cache, struct error *err)
{
	size_t len;
	cleanup_free void *text = ldcache_format(cache, &len, err);

	return text ? root_put_data(root, LDCACHE_PATH, text, len, err) : -1;
}
