/* SPDX-License-Identifier: BSD-3-Clause */
/* compile.h - from a profile to filters for the kernel; with calls.c the one that knows libseccomp. */
#ifndef DAVIT_SECURITY_COMPILE_H
#define DAVIT_SECURITY_COMPILE_H

#include <stdbool.h>

#include "common/error.h"
#include "launcher/security/filter.h"
#include "launcher/security/profile.h"

/* Makes the filters of `profile`, in which nothing can be typed into the process's terminal on the
 * user's behalf (TIOCSTI), and with `fake_root` the calls of fakeroot.h are pretended. filter_done()
 * releases what comes out, whatever has failed. Returns 0, or -1 with `err` set. */
int profile_compile(const struct profile *profile, bool fake_root, struct filter *filter,
		    struct error *err);

#endif
