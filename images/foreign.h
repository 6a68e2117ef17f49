/* SPDX-License-Identifier: BSD-3-Clause */
/* foreign.h - what enroot, Apptainer and Charliecloud leave in their images. */
#ifndef DAVIT_FOREIGN_H
#define DAVIT_FOREIGN_H

#endif
