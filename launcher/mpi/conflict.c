/* SPDX-License-Identifier: BSD-3-Clause */
/* conflict.c - see bring.h: may a library of the node come along? */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/mpi/bring.h"

#define WHAT_NOW "--container-mpi=image, or an image with a newer system"

static bool matches(const char *const *patterns, const char *name)
{
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

bool bring_is_libc(const char *soname)
{
	static const char *const parts[] = {
		"libc.so.*",     "ld-linux*.so.*",  "ld64.so.*",
		"libm.so.*",     "libpthread.so.*", "libdl.so.*",
		"librt.so.*",    "libutil.so.*",    "libresolv.so.*",
		"libanl.so.*",   "libmvec.so.*",    "libthread_db.so.*",
		"libnss_*.so.*", "linux-vdso.so.*", NULL
	};

	return matches(parts, soname);
}

/* Nobody but MPI itself uses these. */
static const char *const of_mpi[] = { "libmpi*.so.*",
				      "libopen-*.so.*",
				      "liboshmem*.so.*",
				      "libmca_*.so.*",
				      "mca_*.so",
				      "libprrte.so.*",
				      NULL };
static const char *const of_ucx[] = { "libuc[mpst].so.*", NULL };

bool bring_is_of_mpi(const char *soname)
{
	return matches(of_mpi, soname);
}

bool bring_is_family(const char *soname, const char *other)
{
	return (bring_is_of_mpi(soname) && bring_is_of_mpi(other)) ||
	       (matches(of_ucx, soname) && matches(of_ucx, other));
}

/* ---- the C library --------------------------------------------------------------------------- */

/* A part of the image's C library; NULL if it has no such part. */
static const struct library *find_libc(struct bring *bring, const char *soname)
{
	struct error ignored = ERROR_INIT;
	struct library *library, **bigger;

	for (size_t i = 0; i < bring->libc_count; i++)
		if (bring->libc[i]->elf.soname && strcmp(bring->libc[i]->elf.soname, soname) == 0)
			return bring->libc[i];
	library = world_find(bring->image, soname, NULL, ELF_HEAD, &ignored);
	bigger = library ? realloc(bring->libc, (bring->libc_count + 1) * sizeof(*bigger)) : NULL;
	if (!bigger) {
		library_free(library);
		return NULL;
	}
	bring->libc = bigger;
	bring->libc[bring->libc_count++] = library;
	return library;
}

static bool has_version(const struct library *library, const char *version)
{
	for (char **at = library->elf.versions; at && *at; at++)
		if (strcmp(*at, version) == 0)
			return true;
	return false;
}

/* The newest of the C library's numbered versions: GLIBC_2.36. */
static const char *newest_version(const struct library *library)
{
	const char *newest = "none";

	for (char **at = library->elf.versions; at && *at; at++)
		if (fnmatch("*_[0-9]*", *at, 0) == 0 &&
		    (strcmp(newest, "none") == 0 || strverscmp(*at, newest) > 0))
			newest = *at;
	return newest;
}

bool bring_suits_libc(struct bring *bring, const struct bring_library *item, struct error *why)
{
	const struct elf_file *elf = &item->node->elf;

	for (size_t i = 0; i < elf->need_count; i++) {
		const struct elf_need *need = &elf->needs[i];
		const struct library *libc;

		if (need->is_weak || !bring_is_libc(need->library))
			continue;
		libc = find_libc(bring, need->library);
		if (libc && has_version(libc, need->version))
			continue;
		if (libc)
			error_set(
				why, 0,
				"the node's '%s' needs %s of the C library, and the image's has at most %s",
				item->node->path, need->version, newest_version(libc));
		else
			error_set(
				why, 0,
				"the node's '%s' needs '%s' of the C library, which the image lacks",
				item->node->path, need->library);
		error_remedy(why, WHAT_NOW);
		return false;
	}
	return true;
}

/* ---- other libraries ------------------------------------------------------------------------- */

/* A version that ld.so would miss before it looks at any symbol; or NULL. One without any versions is
 * taken for all of them. */
static const char *find_missing_version(const struct bring_library *item,
					const struct library *user)
{
	const struct library *image = item->image;

	for (size_t i = 0; image->elf.versions[0] && i < user->elf.need_count; i++) {
		const struct elf_need *need = &user->elf.needs[i];

		if (!need->is_weak && strcmp(need->library, item->soname) == 0 &&
		    !has_version(image, need->version))
			return need->version;
	}
	return NULL;
}

/* A symbol or version that `user` takes from the node's library and would miss in the image's; or
 * NULL. */
static const char *find_missing(const struct bring_library *item, const struct library *user)
{
	const struct elf_symbols *imports = &user->elf.imports;
	const char *version = find_missing_version(item, user);

	if (version)
		return version;
	for (size_t i = 0; i < imports->count; i++) {
		const struct elf_symbol *symbol = &imports->items[i];

		if (!symbol->is_weak &&
		    elf_symbols_have(&item->node->elf.exports, symbol->name, symbol->version) &&
		    !elf_symbols_have(&item->image->elf.exports, symbol->name, symbol->version))
			return symbol->name;
	}
	return NULL;
}

bool bring_image_suffices(const struct bring_library *item, const struct library *user)
{
	return !find_missing(item, user);
}

/* What programs of the image may use of its library and the node's lacks; or NULL. A library with
 * versions says by them what others may use. */
static const char *find_lost(const struct bring_library *item)
{
	const struct elf_file *image = &item->image->elf;

	if (image->versions && image->versions[0]) {
		for (char **at = image->versions; *at; at++)
			if (!has_version(item->node, *at))
				return *at;
		return NULL;
	}
	for (size_t i = 0; i < image->exports.count; i++)
		if (!elf_symbols_have(&item->node->elf.exports, image->exports.items[i].name, ""))
			return image->exports.items[i].name;
	return NULL;
}

bool bring_may_cover(const struct bring_library *item, const struct library *user,
		     struct error *why)
{
	const char *lost = bring_is_of_mpi(item->soname) ? NULL : find_lost(item);
	const char *missing = find_missing(item, user);

	if (!lost)
		return true;
	error_set(
		why, 0,
		"the node's '%s' needs '%s' of '%s', which the image's lacks; and the node's lacks '%s' of the image's",
		user->path, missing ? missing : "all", item->soname, lost);
	error_remedy(why, WHAT_NOW);
	return false;
}
