/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * profile.h - which system calls a container may use: the default of table.h, or none refused, or
 * what a file says; and changes to that.
 */
#ifndef DAVIT_SECURITY_PROFILE_H
#define DAVIT_SECURITY_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* What of a call is refused. */
enum refusal_part {
	PART_ALL,
	PART_NAMESPACES, /* of unshare and clone: with flags that make namespaces */
	PART_NOT_VM      /* of kcmp: all but KCMP_VM */
};

struct refusal {
	int call;
	int errnum; /* what it returns */
	enum refusal_part part;
};

struct profile_file; /* profile_file.h */

struct profile {
	struct refusal *refused; /* no call twice */
	size_t count;
	uint64_t families;         /* that are refused, one bit each */
	bool foreign;              /* other architectures are refused */
	bool is_confined;          /* there was something to refuse by default */
	struct profile_file *file; /* a user's, or NULL */
};

/* All are released by profile_done(), whatever has failed. */
int profile_init_default(struct profile *profile, struct error *err);
void profile_init_open(struct profile *profile);
void profile_done(struct profile *profile);

/* Allows, or refuses, a call, an address family (AF_...), or a group of the table; refuses all groups
 * with "all". What is not allowed by a user's file stays refused. Returns 0, or -1 with `err` set:
 * there is no such name. */
int profile_allow(struct profile *profile, const char *name, struct error *err);
int profile_deny(struct profile *profile, const char *name, struct error *err);

/* Allows a system call, and nothing else of that name. */
int profile_allow_call(struct profile *profile, const char *name, struct error *err);

/* Finds what is refused of `call`; NULL for nothing. */
const struct refusal *profile_find(const struct profile *profile, int call);

/* Are new namespaces refused? */
bool profile_refuses_namespaces(const struct profile *profile);

#endif
