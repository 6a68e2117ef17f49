/* SPDX-License-Identifier: BSD-3-Clause */
/* choices.h - the values of options and where each comes from. */
#ifndef DAVIT_CHOICES_H
#define DAVIT_CHOICES_H

#endif
