/* SPDX-License-Identifier: BSD-3-Clause */
/* extract_inner.h - one file that is being extracted; for extract.c and extract_file.c only. */
#ifndef DAVIT_IMAGE_EXTRACT_INNER_H
#define DAVIT_IMAGE_EXTRACT_INNER_H

#include <stdbool.h>

#include "images/walk.h"
#include "launcher/image/extract.h"

#define EXTRACT_PIECE ((size_t)1 << 20) /* bytes of to->buf */

/* Of one file that is being made. */
struct making {
	struct extraction *to;
	const struct walk_at *at;
	const char *path; /* below the directory */
};

/* Set the error, for what is written and for what is read of the image. Return -1. */
int making_fail(const struct making *making, const char *what, int errnum);
int making_fail_read(const struct making *making, int errnum);

/* Whether a file that could not be made in to->parent, since there is one (errno), can be made now. */
bool making_room(const struct making *making);

/* Makes the regular file in to->parent. Returns 0, or -1 with the error set and nothing left of it. */
int making_file(const struct making *making);

/* Sets on `fd` what comes when all else is done, since the mode may forbid the rest: attributes, mode and time.
 * Returns 0, or -1 with the error set. */
int making_finish(const struct making *making, int fd);

#endif
