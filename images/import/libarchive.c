/* SPDX-License-Identifier: BSD-3-Clause */
/* libarchive.c - see libarchive.h. */
#define LIBARCHIVE_NO_NAMES
#include "images/import/libarchive.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/library.h"

#define LIBRARY "libarchive.so.13"

struct libarchive libarchive;

#define NAME(name) { #name, &libarchive.name },
static const struct library_call wanted[] = { LIBARCHIVE_FUNCTIONS(NAME) };

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
	if (library_take(library, LIBRARY, wanted, sizeof(wanted) / sizeof(wanted[0]), err) < 0)
		return -1;
	is_open = true;
	return 0;
}

void libarchive_read_bytes(struct archive *bytes)
{
	(void)libarchive.archive_read_support_filter_gzip(bytes);
	(void)libarchive.archive_read_support_filter_zstd(bytes);
	(void)libarchive.archive_read_support_filter_xz(bytes);
	(void)libarchive.archive_read_support_filter_bzip2(bytes);
	(void)libarchive.archive_read_support_format_raw(bytes);
	(void)libarchive.archive_read_support_format_empty(bytes);
}

int libarchive_fail(struct archive *archive, struct error *err)
{
	const char *text = libarchive.archive_error_string(archive);

	return error_set(err, 0, "%s", text ? text : "it cannot be read");
}
