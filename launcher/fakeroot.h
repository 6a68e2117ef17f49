/* SPDX-License-Identifier: BSD-3-Clause */
/* fakeroot.h - a root user who is none. */
#ifndef DAVIT_FAKEROOT_H
#define DAVIT_FAKEROOT_H

#endif
