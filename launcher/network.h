/* SPDX-License-Identifier: BSD-3-Clause */
/* network.h - a network of the container's own. */
#ifndef DAVIT_NETWORK_H
#define DAVIT_NETWORK_H

#endif
