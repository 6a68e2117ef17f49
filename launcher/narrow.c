/* SPDX-License-Identifier: BSD-3-Clause */
/* narrow.c - see narrow.h. */
#include "launcher/narrow.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int result = -1;

	if (!none)
		return -1;
	/* The bounding set first: emptying it takes CAP_SETPCAP. */
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
		if (cap_drop_bound(cap) < 0)
			goto out;
	/* cap_reset_ambient() would ask for each of them. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		goto out;
	result = cap_set_proc(none);
out:
	cap_free(none);
	return result;
}

int narrow(struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot set no_new_privs");
	if (drop_capabilities() < 0)
		return error_set(err, errno, "cannot drop the capabilities");
	return 0;
}
