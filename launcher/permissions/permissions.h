/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * permissions.h - what an image asks for, in its /.davit/permissions.yaml; see davit(5).
 *
 * These are wishes, below those of davit.conf and of the user: they count where neither has spoken and
 * nothing forbids them. What an image could harm its user with (files of the node, devices by name,
 * system calls) it gets only where davit.conf lists it.
 *
 * permissions.c  the file, and what is in it
 * wishes.c       what of it is given
 */
#ifndef DAVIT_PERMISSIONS_H
#define DAVIT_PERMISSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/settings.h"
#include "images/files.h"

#define PERMISSIONS_FILE "/.davit/permissions.yaml"
#define PERMISSIONS_MAX  65536 /* bytes */

enum permissions_network {
	NETWORK_UNSAID,
	NETWORK_HOST,
	NETWORK_NONE,
	NETWORK_SLIRP
};

/* All zeros asks for nothing. Lists end with NULL; one without entries is NULL. */
struct permissions {
	enum choice gpus, adapters;
	char **devices; /* names of CDI */
	enum permissions_network network;
	enum choice home, workdir; /* of the user, of the job */
	struct mountlist mounts;   /* binds and tmpfs */
	enum writable writable;
	char *writable_size;
	char **system_calls;
};

/* Parses the text of the file. permissions_done releases `permissions`, whatever has failed. Returns
 * 0, or -1 with `err` naming file, line and cause. */
int permissions_parse(struct permissions *permissions, const char *text, size_t len,
		      struct error *err);

/* Reads the file in the image whose root directory is `root`: regular, of up to PERMISSIONS_MAX bytes;
 * no link leads out of `root`, and nothing blocks. Returns 1, 0 where there is no such file, or -1 with
 * `err` set. */
int permissions_read(struct permissions *permissions, int root, struct error *err);

/* The same for an image that may not be mounted. */
int permissions_read_files(struct permissions *permissions, const struct image_files *files,
			   struct error *err);

/* What is asked for, in words: a fresh list for strings_free(), or NULL when out of memory. */
char **permissions_words(const struct permissions *permissions);

void permissions_done(struct permissions *permissions);

#endif
