/* SPDX-License-Identifier: BSD-3-Clause */
/* subids.h - ranges of /etc/subuid. */
#ifndef DAVIT_SUBIDS_H
#define DAVIT_SUBIDS_H

#endif
