/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * newfile.h - a file that appears under its name when it is whole.
 *
 * Until then it has no name where the file system can do that, else one beside. What has the name
 * already is replaced, a symbolic link itself, not what it points to; or it is kept. All is done by
 * one descriptor of the directory, so nobody can lead it elsewhere meanwhile.
 */
#ifndef DAVIT_NEWFILE_H
#define DAVIT_NEWFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

struct newfile {
	int fd; /* to be written to, -1 when not open */
	int dir;
	char *path;      /* for messages */
	char *temporary; /* its name in the directory meanwhile; there is no such file where `unnamed` */
	bool unnamed;
	bool keeps; /* to be set before it gets its name: what has the name already stays, EEXIST */
};

#define NEWFILE_INIT                \
	{                           \
		.fd = -1, .dir = -1 \
	}

/* Begins a file that is going to be `path`, with `mode` as open(2) takes it. Returns 0, or -1 with
 * `err` set. newfile_done() releases it in each case. */
int newfile_open(struct newfile *file, const char *path, mode_t mode, struct error *err);

/* Gives it its name, on disk. Returns 0, or -1 with `err` set. */
int newfile_name(struct newfile *file, struct error *err);

/* Forgets what has not got its name. */
void newfile_done(struct newfile *file);

#endif
