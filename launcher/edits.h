/* SPDX-License-Identifier: BSD-3-Clause */
/* edits.h - changes to an environment, as a list. */
#ifndef DAVIT_EDITS_H
#define DAVIT_EDITS_H

#endif
