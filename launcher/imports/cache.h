/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache.h - the directory of images that were imported from registries and archives.
 *
 *	sha256-HEX.ARCH.sqfs	an image, named by the digest of its manifest and the node's architecture
 *	refs/HASH		what a source stood for when it was asked last (record.h)
 *	jobs/JOB.HASH		what it stands for in a job
 *	locks/NAME		files without meaning but their locks (turn.h); that of an image tells by its
 *				time when the image was used last
 *
 * It is the user's, and shared by all nodes and jobs. Everything in it appears whole or not at all, and all of
 * it may be deleted at any time: the worst that follows is that something is imported again.
 */
#ifndef DAVIT_IMPORTS_CACHE_H
#define DAVIT_IMPORTS_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/error.h"

struct conf;

#define IMPORT_CACHE_VARIABLE "DAVIT_IMPORT_CACHE"
#define IMPORT_KEY_SIZE       (2 * DIGEST_BYTES + 32)

struct import_cache {
	int dir; /* -1 when not open */
	char *path;
	uint64_t max; /* bytes that its images may take */
};

#define IMPORT_CACHE_INIT \
	{                 \
		.dir = -1 \
	}

/* Where it is, whether it is there or not, from the variable, davit.conf or the home directory; to be
 * freed. NULL with `err` set. */
char *import_cache_locate(const struct conf *conf, struct error *err);

/* Opens it, and makes it if it has to be made. One that is somebody else's, or that others may write to, is
 * refused. Returns 0, or -1 with `err` set; import_cache_done() releases it in each case. */
int import_cache_open(struct import_cache *cache, const struct conf *conf, struct error *err);

void import_cache_done(struct import_cache *cache);

/* Makes NFS forget what it thinks is missing in a part ("." for images). */
void import_cache_refresh(const struct import_cache *cache, const char *part);

/* The path of NAME in it, to be freed; NULL when out of memory. */
char *import_cache_path(const struct import_cache *cache, const char *name);

/* What an image of this digest ("sha256:HEX") is called, without front and end: HEX.ARCH of this node. */
void import_key(const char *digest, char key[IMPORT_KEY_SIZE]);

/* The file name of an image. */
#define IMPORT_FILE_FRONT "sha256-"
#define IMPORT_FILE_END   ".sqfs"
#define IMPORT_FILE_SIZE  (IMPORT_KEY_SIZE + 16)
void import_file(const char *key, char name[IMPORT_FILE_SIZE]);

#endif
