/* SPDX-License-Identifier: BSD-3-Clause */
/* owndir.c - see owndir.h. */
#include "launcher/owndir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

int owndir_open(int parent, const char *name, struct error *err)
{
	cleanup_close int dir = -1;
	struct stat st;

	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create '%s'", name);
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0) {
		error_set(err, errno, "cannot open '%s'", name);
		return error_remedy(err, "tell your admin: nobody should have made it");
	}
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		error_set(err, 0, "'%s' belongs to somebody else, or others may write to it", name);
		return error_remedy(err, "tell your admin: nobody should have made it");
	}
	return steal_fd(&dir);
}
