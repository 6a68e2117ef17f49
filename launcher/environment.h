/* SPDX-License-Identifier: BSD-3-Clause */
/* environment.h - the rules for the container's environment. */
#ifndef DAVIT_ENVIRONMENT_H
#define DAVIT_ENVIRONMENT_H

#endif
