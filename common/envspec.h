/* SPDX-License-Identifier: BSD-3-Clause */
/* envspec.h - the syntax of --container-env. */
#ifndef DAVIT_ENVSPEC_H
#define DAVIT_ENVSPEC_H

#endif
