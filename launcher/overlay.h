/* SPDX-License-Identifier: BSD-3-Clause */
/* overlay.h - a writable layer over the image. */
#ifndef DAVIT_OVERLAY_H
#define DAVIT_OVERLAY_H

#endif
