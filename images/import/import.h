/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import.h - an image of Davit's, one file, from what others have.
 *
 * SOURCE is one of
 *	docker://NAME[:TAG|@DIGEST]             a registry
 *	oci:DIR[:TAG]                           an OCI layout, read in place
 *	oci-archive:FILE[:TAG]                  such a layout in a tar
 *	docker-archive:FILE[:NAME|:@N]          what docker save writes
 *	docker-daemon:NAME  containers-storage:NAME
 *	FILE                                    a tar of a root file system, compressed or not; a SIF
 *	-                                       such a tar on standard input
 *	DIR                                     a root file system
 */
#ifndef DAVIT_IMPORT_H
#define DAVIT_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/error.h"
#include "images/import/layers.h"
#include "images/import/pack.h"

struct import {
	const char *source;
	const char *file;
	struct pack_options pack;     /* root_mode and newest are not read */
	struct skopeo_options skopeo; /* arch NULL: this machine's */
	bool force;                   /* replace a file that is there */
	/* Told how far it is, see merge.h; or NULL. */
	void (*progress)(void *data, uint64_t done, uint64_t total);
	void *data;
	uint64_t left_out; /* result: devices, FIFOs and sockets, where they have been counted */
};

/* The name that the image of `source` gets in the working directory, to be freed; NULL with `err` set. */
char *import_name(const char *source, struct error *err);

/* What tells the image from others, of a source that is a file or a directory in itself (source_is_path()): the
 * digest of its manifest, or for docker save that of its configuration; of what is compressed, a hash of its bytes and
 * the image's name in it. Returns 0, or -1 with `err` set. */
int import_digest(const char *source, char digest[DIGEST_TEXT_SIZE], struct error *err);

/* Returns 0, or -1 with `err` set and nothing left. */
int import_image(struct import *import, struct error *err);

#endif
