/* SPDX-License-Identifier: BSD-3-Clause */
/* running.h - the containers that run on this node. */
#ifndef DAVIT_RUNNING_H
#define DAVIT_RUNNING_H

#endif
