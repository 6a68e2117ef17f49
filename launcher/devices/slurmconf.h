/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slurmconf.h - the syntax of Slurm's configuration files.
 *
 * As in Slurm's parse_config.c: '#' begins a comment, a backslash at the end of a line continues
 * it, and elsewhere one takes the meaning from the next character; a line is "KEY=VALUE ...",
 * keywords are in any case, there may be blanks around '=', and a value with blanks in it is
 * quoted.
 */
#ifndef DAVIT_DEVICES_SLURMCONF_H
#define DAVIT_DEVICES_SLURMCONF_H

#include <stdbool.h>
#include <stddef.h>

/* Reads DIRECTORY/NAME, with the files that it includes in place of the lines which do, into a
 * fresh text. NULL with errno set where it cannot be read. All is bounded, and an included file
 * that cannot be read counts as empty. */
char *slurmconf_read(const char *directory, const char *name, size_t *len);

/* A fresh copy of such a text for slurmconf_line(); NULL without memory. */
char *slurmconf_copy(const char *text, size_t len);

/* Takes the next line, without comments, out of the copy, which it changes. NULL at the end. */
char *slurmconf_line(char **at);

/* Takes the next pair out of a line, which it changes. False at the end and where no pair
 * follows. */
bool slurmconf_pair(char **at, char **key, char **value);

/* What slurm.conf says about the GRES of a node, "gpu:a100:4,gpu:t4:1", by a copy of its text, into
 * which the result points; or NULL. */
const char *slurmconf_gres(char *copy, const char *node);

#endif
