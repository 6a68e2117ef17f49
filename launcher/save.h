/* SPDX-License-Identifier: BSD-3-Clause */
/* save.h - writing a container as a new image. */
#ifndef DAVIT_SAVE_H
#define DAVIT_SAVE_H

#endif
