/* SPDX-License-Identifier: BSD-3-Clause */
/* loader.c - see loader.h. */
#include "launcher/mpi/loader.h"

#include "common/fd.h"
#include "launcher/mpi/rooted.h"

#define CACHE     "/etc/ld.so.cache"
#define CACHE_MAX (16u << 20) /* bytes; 1000 libraries take 64 KiB */

void loader_read(const struct root *root, struct ldcache *cache)
{
	struct error ignored = ERROR_INIT;
	size_t len = 0;
	cleanup_free char *text = rooted_read(root->fd, CACHE, CACHE_MAX, &len);

	if (text && ldcache_parse(cache, text, len, &ignored) < 0)
		ldcache_done(cache);
}

int loader_write(struct root *root, const struct ldcache *cache, struct error *err)
{
	size_t len;
	cleanup_free void *text = ldcache_format(cache, &len, err);

	return text ? root_put_data(root, CACHE, text, len, err) : -1;
}
