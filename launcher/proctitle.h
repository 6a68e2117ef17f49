/* SPDX-License-Identifier: BSD-3-Clause */
/* proctitle.h - what ps(1) shows for a process that forked without exec. */
#ifndef DAVIT_PROCTITLE_H
#define DAVIT_PROCTITLE_H

/* Remembers where the kernel put the arguments; to be called first in main(). */
void proctitle_init(int argc, char **argv);

/* Shows `title` in place of the arguments and `name` (15 bytes at most) as the short name. The program's
 * arguments and initial environment are overwritten: they must not be used any more. */
void proctitle_set(const char *name, const char *title);

#endif
