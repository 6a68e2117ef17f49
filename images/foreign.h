/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * foreign.h - the files with which enroot, Apptainer and Charliecloud configure their containers.
 *
 * They are read line by line; a line that is not understood is passed over. Names of variables are
 * those that a shell accepts. Values are taken as they are, without replacing variables in them.
 * `text` ends with NUL and is changed.
 */
#ifndef DAVIT_FOREIGN_H
#define DAVIT_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

/* "NAME=VALUE", ended by NULL; `items` is NULL as long as there are none. The caller frees all. */
struct variables {
	char **items;
	size_t count;
};

/* /etc/environment, as enroot and pam_env(8) read it. Returns 0, or -1 without memory; so do the
 * others. */
int foreign_add_environment(struct variables *env, char *text);

/* Charliecloud's /ch/environment; see --set-env in ch-run(1). */
int foreign_add_charliecloud(struct variables *env, char *text);

/* A shell script in Apptainer's /.singularity.d/env: lines that export one variable with a fixed
 * value. Sets *more where it does more than that; otherwise *more stays as it is. */
int foreign_add_script(struct variables *env, char *text, bool *more);

/* The working directory that an /etc/rc written by enroot changes to; points into `text`. NULL where
 * there is none, or a shell would be needed to tell. */
const char *foreign_find_workdir(char *text);

#endif
