/* SPDX-License-Identifier: BSD-3-Clause */
/* named.h - containers that a job keeps from step to step. */
#ifndef DAVIT_NAMED_H
#define DAVIT_NAMED_H

#endif
