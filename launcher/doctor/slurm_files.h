/* SPDX-License-Identifier: BSD-3-Clause */
/* slurm_files.h - where Slurm's files are on this node. No program of Slurm's is asked. */
#ifndef DAVIT_DOCTOR_SLURM_FILES_H
#define DAVIT_DOCTOR_SLURM_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct slurm_files {
	char directory[PATH_MAX]; /* of slurm.conf; "": it is not found */
	char plugstack[PATH_MAX]; /* plugstack.conf; need not exist */
	char plugins[PATH_MAX];   /* the directory of Slurm's plugins, "": not found */
	uint32_t version;         /* of these, as SLURM_VERSION_NUMBER; 0: not known */
	char mpi_default[64];     /* MpiDefault, or "" */
	int reason;               /* errno why slurm.conf cannot be read, or 0 */
};

/* Looks beside $SLURM_CONF, else in /run/slurm/conf and /etc/slurm, as Slurm does. */
void slurm_files_find(struct slurm_files *files);

/* The plugin's line in plugstack.conf, with the files that it includes. */
struct plugstack {
	unsigned int lines;    /* how many are about Davit's plugin */
	unsigned int others;   /* and how many about pyxis, which has the same options */
	bool is_required;      /* what the last one says: */
	char plugin[PATH_MAX]; /* absolute */
	char arguments[PATH_MAX];
	char file[PATH_MAX]; /* where it stands */
	unsigned int line;
	char wrong[PATH_MAX];      /* "FILE:LINE" of a line that Slurm will not have, or "" */
	char unreadable[PATH_MAX]; /* a file, or "" */
	int reason;                /* and its errno */
};

void slurm_files_plugstack(const struct slurm_files *files, struct plugstack *plugstack);

#endif
