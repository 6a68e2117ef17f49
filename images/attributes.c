/* SPDX-License-Identifier: BSD-3-Clause */
/* attributes.c - see attributes.h. */
#include "images/attributes.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "common/fd.h"

bool attributes_is_kept(const char *name)
{
	return strcmp(name, "security.capability") == 0 ||
	       (strncmp(name, "user.", strlen("user.")) == 0 &&
		strncmp(name, "user.overlay.", strlen("user.overlay.")) != 0);
}

/* Where a file system keeps none, or none that this user may set. EOVERFLOW: a capability of a root that is
 * nobody here. */
static bool is_no_failure(int error)
{
	return error == ENOTSUP || error == EPERM || error == EACCES || error == ENODATA ||
	       error == EOVERFLOW;
}

static int copy_attribute(int from, int to, const char *name, char *value)
{
	ssize_t len = fgetxattr(from, name, value, XATTR_SIZE_MAX);

	if (len >= 0 && fsetxattr(to, name, value, (size_t)len, 0) == 0)
		return 0;
	return is_no_failure(errno) ? 0 : -1;
}

int attributes_copy(int from, int to)
{
	ssize_t len = flistxattr(from, NULL, 0);
	cleanup_free char *names = NULL, *value = NULL;

	if (len <= 0)
		return len == 0 || is_no_failure(errno) ? 0 : -1;
	names = malloc(XATTR_LIST_MAX + 1);
	value = malloc(XATTR_SIZE_MAX);
	if (!names || !value) {
		errno = ENOMEM;
		return -1;
	}
	len = flistxattr(from, names, XATTR_LIST_MAX);
	if (len < 0)
		return -1;
	names[len] = '\0';
	for (const char *name = names; name < names + len; name += strlen(name) + 1)
		if (attributes_is_kept(name) && copy_attribute(from, to, name, value) < 0)
			return -1;
	return 0;
}
