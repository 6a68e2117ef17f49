/* SPDX-License-Identifier: BSD-3-Clause */
/* sif.h - finding the squashfs in a SIF file. */
#ifndef DAVIT_SIF_H
#define DAVIT_SIF_H

#endif
