/* SPDX-License-Identifier: BSD-3-Clause */
/* conf.h - davit.conf. */
#ifndef DAVIT_CONF_H
#define DAVIT_CONF_H

#endif
