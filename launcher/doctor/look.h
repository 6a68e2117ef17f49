/* SPDX-License-Identifier: BSD-3-Clause */
/* look.h - reading files of the node, and judging whose they are. */
#ifndef DAVIT_DOCTOR_LOOK_H
#define DAVIT_DOCTOR_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/doctor/doctor.h"

#define LOOK_MAX 4096

/* Reads a file of the kernel's, cut to fit. False with errno set where it cannot be read. */
bool look_read(const char *path, char text[LOOK_MAX]);

/* The number in a file of /proc/sys; false where there is none. */
bool look_number(const char *path, long long *number);

/* Has anybody but root a say in `path`: in the file it leads to, or in a directory above or on the way? A
 * directory where all may write counts as root's where nobody may take away what is another's (the
 * sticky bit). Adds a failure to `result` for the first of them. True if all is root's. */
bool look_is_roots(struct result *result, const char *path);

/* The variable plugin_version of one of Slurm's plugins, or of one for Slurm, without running it; 0
 * where there is none. */
uint32_t look_plugin_version(const char *path);

/* Is this program in one of the directories where Davit looks for it? Never by PATH. */
bool look_has_program(const char *name);

#endif
