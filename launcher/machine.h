/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h - the processor that a program is for. */
#ifndef DAVIT_MACHINE_H
#define DAVIT_MACHINE_H

#define MACHINE_HEAD 20 /* bytes of an ELF file that tell it */

/* By the first MACHINE_HEAD bytes of an ELF file: "x86_64", "aarch64". */
const char *machine_name(const char *head);

#endif
