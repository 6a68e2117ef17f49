/* SPDX-License-Identifier: BSD-3-Clause */
/* calls.h - names of system calls, as libseccomp knows them. */
#ifndef DAVIT_SECURITY_CALLS_H
#define DAVIT_SECURITY_CALLS_H

#include <stdbool.h>

#define CALL_UNKNOWN (-1) /* libseccomp's own numbers for calls of other architectures are lower */

/* The number of a call, also of one that is newer than libseccomp; CALL_UNKNOWN if there is none. */
int call_number(const char *name);

/* What a refused call returns: EPERM, but ENOSYS for those that a libc or a runtime may do without,
 * if only it is told that the kernel is too old for them. */
int call_errno(const char *name);

/* The call whose name is nearest to `name`, to be freed; NULL where none is near. */
char *call_nearest(const char *name);

#endif
