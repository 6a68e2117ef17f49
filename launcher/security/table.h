/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.h - which system calls a container may use by default, and why: the one table behind the
 * profile and behind davit-seccomp(7), which a test compares with it.
 */
#ifndef DAVIT_SECURITY_TABLE_H
#define DAVIT_SECURITY_TABLE_H

#include <stdbool.h>

struct call_group {
	const char *name;   /* as seccomp:allow and seccomp:deny take it */
	bool is_refused;    /* by default */
	const char *calls;  /* names with blanks between them */
	const char *reason; /* a few words */
};

/* These are more than a list of calls. */
#define GROUP_NAMESPACES "namespaces" /* unshare and clone only as far as they make namespaces */
#define GROUP_COMPARE    "compare"    /* kcmp but for KCMP_VM */
#define GROUP_FOREIGN    "foreign"    /* no calls of its own: all of other architectures */

/* Ends with a NULL name. */
extern const struct call_group call_groups[];

struct family {
	const char *name;
	int number; /* below FAMILIES */
	bool is_refused;
	const char *reason;
};

/* Families that are not in the table are refused. No kernel has this many yet. */
#define FAMILIES 64

/* Ends with a NULL name. */
extern const struct family families[];

#endif
