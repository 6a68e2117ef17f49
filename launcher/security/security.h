/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * security.h - what --container-security asks for, done.
 *
 * First security_decide(), while the user's files are in reach and before anything is created; then
 * whoever else has a say changes the profile (profile_allow); then security_make(), in the
 * container's user namespace.
 */
#ifndef DAVIT_SECURITY_H
#define DAVIT_SECURITY_H

#include <stdbool.h>

#include "common/error.h"
#include "launcher/narrow.h"
#include "launcher/security/filter.h"
#include "launcher/security/profile.h"

struct security {
	struct profile profile;
	struct filter filter; /* comes out of security_make() */
};

/* `wishes` as in settings.h; `narrow` is what the ranks will keep. security_done() releases
 * `security`, whatever has failed. Returns 0, or -1 with `err` set. */
int security_decide(struct security *security, char *const *wishes, enum narrow_to narrow,
		    struct error *err);

/* Makes the filter. Where the profile refuses namespaces, and the container is new, its user namespace
 * is told that there be no others in it: a filter cannot see what clone3 is to do. Where that was not
 * done, clone3 is refused. Returns 0, or -1 with `err` set. */
int security_make(struct security *security, bool fake_root, bool is_new, struct error *err);

/* The filter for whoever enters a running container, whose root directory is the process's already. */
int security_of_container(struct filter *filter, enum narrow_to narrow, struct error *err);

void security_done(struct security *security);

#endif
