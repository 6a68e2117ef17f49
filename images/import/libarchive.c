/* SPDX-License-Identifier: BSD-3-Clause */
/* libarchive.c - see libarchive.h. */
#define LIBARCHIVE_NO_NAMES
#include "images/import/libarchive.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#define LIBRARY "libarchive.so.13"

struct libarchive libarchive;

#define NAME(name) { #name, &libarchive.name },
static const struct {
	const char *name;
	void *call; /* where its address goes */
} wanted[] = { LIBARCHIVE_FUNCTIONS(NAME) };

int libarchive_open(struct error *err)
{
	static bool is_open;
	void *library;

	if (is_open)
		return 0;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		error_set(err, 0, "cannot read archives: %s", dlerror());
		return error_remedy(err,
				    "ask your admin for libarchive on this node (libarchive13)");
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		void *symbol = dlsym(library, wanted[i].name);

		if (!symbol)
			return error_set(err, 0, "%s has no '%s'", LIBRARY, wanted[i].name);
		*(void **)wanted[i].call = symbol; /* as dlsym(3) has it */
	}
	is_open = true;
	return 0;
}
