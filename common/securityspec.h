/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * securityspec.h - what --container-security asks for.
 *
 *	SECURITY = ITEM[,ITEM]...
 *	ITEM     = seccomp=default | seccomp=unconfined | seccomp=FILE		the profile, once at most
 *	         | seccomp:allow:NAME | seccomp:deny:NAME | seccomp:deny:all	changes to it
 *
 * FILE has a '/'. NAME is of a system call, of an address family, or of a group of the profile; which
 * ones there are is known where libseccomp is, in the launcher.
 */
#ifndef DAVIT_SECURITYSPEC_H
#define DAVIT_SECURITYSPEC_H

#include "common/error.h"

enum security_kind {
	SECURITY_DEFAULT,
	SECURITY_UNCONFINED,
	SECURITY_FILE,
	SECURITY_ALLOW,
	SECURITY_DENY
};

/* Returns the items as a fresh list that ends with NULL, for strings_free, in the order of the text;
 * NULL with `err` set. */
char **securitylist_parse(const char *text, struct error *err);

/* What kind of item of such a list this is; *what is its FILE or NAME. */
enum security_kind security_item(const char *item, const char **what);

#endif
