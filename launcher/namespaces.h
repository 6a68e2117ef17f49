/* SPDX-License-Identifier: BSD-3-Clause */
/* namespaces.h - namespaces by choice. */
#ifndef DAVIT_NAMESPACES_H
#define DAVIT_NAMESPACES_H

#endif
