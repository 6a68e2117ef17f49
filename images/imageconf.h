/* SPDX-License-Identifier: BSD-3-Clause */
/* imageconf.h - what an image says about itself. */
#ifndef DAVIT_IMAGECONF_H
#define DAVIT_IMAGECONF_H

#endif
