/* SPDX-License-Identifier: BSD-3-Clause */
/* nearest.h - the known word that a wrong one was meant to be. */
#ifndef DAVIT_NEAREST_H
#define DAVIT_NEAREST_H

#endif
