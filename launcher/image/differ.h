/* SPDX-License-Identifier: BSD-3-Clause */
/* differ.h - in what two images differ. */
#ifndef DAVIT_IMAGE_DIFFER_H
#define DAVIT_IMAGE_DIFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/image/opened.h"

/* What is looked at besides names, types, contents and the targets of links. */
struct differ_how {
	bool metadata; /* modes, owners, extended attributes but for "trusted" ones */
	bool times;    /* when things were modified */
};

/* One difference. */
struct difference {
	const char *path;
	int only_in;      /* 0 or 1: one of the images; -1: it is in both */
	const char *what; /* then: "mode 0644 0755, contents from byte 12 on" */
};

/* Calls `each` for each difference, in the order of the names; what is in a directory that only one has is
 * not named. Returns how many there are, or -1 with `err` set. */
long differ(const struct opened images[2], const struct differ_how *how,
	    void (*each)(const struct difference *difference, void *data), void *data,
	    struct error *err);

#endif
