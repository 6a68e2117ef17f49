/* SPDX-License-Identifier: BSD-3-Clause */
/* subids.h - more than one id for a user: the ranges of /etc/subuid and /etc/subgid. */
#ifndef DAVIT_SUBIDS_H
#define DAVIT_SUBIDS_H

#include <stdio.h>
#include <sys/types.h>

#include "common/error.h"

struct subid_range {
	unsigned int start, count;
};

struct subids {
	uid_t uid;
	gid_t gid;
	struct subid_range uids, gids;
};

/* Finds the largest range of `name` (may be NULL) or `uid` in the lines NAME:START:COUNT, see
 * subuid(5). Lines that are none are passed over. Its count is 0 where there is none. */
struct subid_range subids_largest(FILE *lines, const char *name, uid_t uid);

/* Finds the ranges of the calling user. Returns 0, or -1 with `err` set. */
int subids_find(struct subids *subids, struct error *err);

/* Maps root in the new user namespace of process `pid` to the user, and the ids from 1 on to the
 * ranges, through newuidmap(1) and newgidmap(1). To be called outside that namespace; the process
 * must be the user's. Returns 0, or -1 with `err` set. */
int subids_map(const struct subids *subids, pid_t pid, struct error *err);

#endif
