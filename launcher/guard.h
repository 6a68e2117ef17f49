/* SPDX-License-Identifier: BSD-3-Clause */
/* guard.h - a process that waits for the rank. */
#ifndef DAVIT_GUARD_H
#define DAVIT_GUARD_H

#endif
