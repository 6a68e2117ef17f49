/* SPDX-License-Identifier: BSD-3-Clause */
/* names.h - what is in a directory of a squashfs, all of it at once. */
#ifndef DAVIT_NAMES_H
#define DAVIT_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "images/squash.h"

/* Bytes that one list may take: no directory of ten million files needs more. */
#define NAMES_MAX ((size_t)512 << 20)

/* In the order of the image, which is that of strcmp(3) where the image is a sound one. */
struct names {
	struct names_entry {
		uint64_t inode;
		size_t at;   /* of the name in `text`: see names_get() */
		mode_t type; /* the S_IFMT bits */
	} * entries;
	size_t count;
	char *text;
	size_t size; /* bytes that all of it takes */
};

/* Reads the directory `dir`. Returns 0, or an errno and nothing to release: EFBIG where it would take more
 * than `max` bytes. */
int names_read(struct names *names, struct squash *squash, uint64_t dir, size_t max);
void names_done(struct names *names);

static inline const char *names_get(const struct names *names, size_t i)
{
	return names->text + names->entries[i].at;
}

#endif
