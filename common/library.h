/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * library.h - functions of libraries that are opened when they are needed, by dlopen(3).
 *
 * They are not linked, since each start of `davit` would pay for that.
 */
#ifndef DAVIT_LIBRARY_H
#define DAVIT_LIBRARY_H

#include <dlfcn.h>
#include <stddef.h>

#include "common/error.h"

struct library_call {
	const char *name;
	void *call; /* the pointer to a function that is to be set */
};

/* Finds functions of an open library, which messages call `file`. Returns 0, or -1 with `err` set to which there is
 * not. */
static inline int library_take(void *library, const char *file, const struct library_call *calls,
			       size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		void *symbol = dlsym(library, calls[i].name);

		if (!symbol)
			return error_set(err, 0, "%s has no '%s'", file, calls[i].name);
		*(void **)calls[i].call = symbol; /* as dlsym(3) has it */
	}
	return 0;
}

#endif
