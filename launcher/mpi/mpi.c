/* SPDX-License-Identifier: BSD-3-Clause */
/* mpi.c - see mpi.h. */
#include "launcher/mpi/mpi.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/mpi/rooted.h"

#define LIBRARIES "libmpi*.so.*"
#define FILES_MAX 256 /* of these names that are read: no system has a tenth of it */

/* Of what matches LIBRARIES, names of the library itself, not of its bindings for other languages. */
static const char *const names[] = {
	"libmpi.so.*",         "libmpich.so.*",    "libmpi_abi.so.*",
	"libmpi_cray.so.*",    "libmpi_gnu*.so.*", "libmpi_intel*.so.*",
	"libmpi_nvidia*.so.*", "libmpi_amd*.so.*", "libmpi_aocc*.so.*",
};

struct search {
	struct mpi_list *list;
	const struct world *world;
	size_t files;
	struct error *err;
};

/* The number behind ".so." in a soname; 0 if there is none. */
static unsigned int so_number(const char *soname)
{
	const char *at = strstr(soname, ".so.");

	return at ? (unsigned int)strtoul(at + strlen(".so."), NULL, 10) : 0;
}

static char *read_version(int fd)
{
	static const char *const symbols[] = { "ompi_version_string", "MPII_Version_string",
					       "MPIR_Version_string" };
	char *version = NULL;

	for (size_t i = 0; fd >= 0 && !version && i < sizeof(symbols) / sizeof(symbols[0]); i++)
		version = elf_file_text(fd, symbols[i]);
	return version;
}

static bool exports(const struct mpi *mpi, const char *symbol)
{
	return elf_symbols_have(&mpi->library->elf.exports, symbol, "");
}

bool mpi_identify(struct mpi *mpi, int fd)
{
	const struct library *library = mpi->library;
	const char *soname = library_name(library);

	if (!exports(mpi, "MPI_Init"))
		return false;
	mpi->version = read_version(fd);
	mpi->major = so_number(soname);
	if (strncmp(soname, "libmpi_abi.", strlen("libmpi_abi.")) == 0) {
		mpi->family = MPI_FAMILY_STANDARD;
	} else if (exports(mpi, "ompi_mpi_comm_world")) {
		mpi->family = MPI_FAMILY_OPEN;
		mpi->major = mpi->version ? (unsigned int)strtoul(mpi->version, NULL, 10) : 0;
	} else {
		mpi->family = MPI_FAMILY_MPICH;
	}
	return true;
}

/* By its path: what is mounted on one of a file's hard links leaves the others as they are. */
static bool is_known(const struct mpi_list *list, const char *real)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].library->real, real) == 0)
			return true;
	return false;
}

/* Takes `library` over. Returns 1 if it is in the list now, 0 if it is no MPI library, -1 with `err`
 * set. */
static int add(struct mpi_list *list, struct library *library, const struct world *world,
	       struct error *err)
{
	struct mpi mpi = { .library = library };
	bool known = is_known(list, library->real);
	cleanup_close int fd = known ? -1 : rooted_open(world->root, library->real);
	struct mpi *bigger;

	if (known || !mpi_identify(&mpi, fd)) {
		library_free(library);
		return known;
	}
	bigger = realloc(list->items, (list->count + 1) * sizeof(*bigger));
	if (!bigger) {
		library_free(library);
		free(mpi.version);
		return error_set(err, ENOMEM, "cannot keep the MPI libraries");
	}
	list->items = bigger;
	list->items[list->count++] = mpi;
	return 1;
}

bool mpi_is_name(const char *path)
{
	const char *base = strrchr(path, '/');

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fnmatch(names[i], base ? base + 1 : path, 0) == 0)
			return true;
	return false;
}

/* What cannot be read as a library, no program can be linked with. */
static int add_path(void *context, const char *path)
{
	struct search *search = context;
	struct error ignored = ERROR_INIT;
	cleanup_free char *real = NULL;
	struct library *library;

	if (!mpi_is_name(path) || search->files == FILES_MAX)
		return 0;
	real = world_real(search->world, path);
	if (!real || is_known(search->list, real))
		return 0;
	search->files++;
	library = world_open(search->world, path, ELF_SYMBOLS, &ignored);
	return library && add(search->list, library, search->world, search->err) < 0 ? -1 : 0;
}

/* One that the site has named must be what it is said to be. */
static int add_named(struct mpi_list *list, const struct world *world, const char *path,
		     struct error *err)
{
	struct library *library = world_open(world, path, ELF_SYMBOLS, err);
	int added = library ? add(list, library, world, err) : -1;

	if (added != 0)
		return added < 0 ? -1 : 0;
	error_set(err, 0, "'%s' is not an MPI library: it has no MPI_Init", path);
	return error_remedy(err, "the file libmpi.so.N or libmpich.so.N of an installation");
}

int mpi_list_find(struct mpi_list *list, const struct world *world, char *const *named,
		  const char *const more[], struct error *err)
{
	struct search search = { .list = list, .world = world, .err = err };

	for (; named && *named; named++)
		if (add_named(list, world, *named, err) < 0)
			return -1;
	return world_each(world, LIBRARIES, more, add_path, &search, err);
}

void mpi_list_done(struct mpi_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		library_free(list->items[i].library);
		free(list->items[i].version);
	}
	free(list->items);
	*list = (struct mpi_list){ .items = NULL };
}

void mpi_describe(const struct mpi *mpi, char *text, size_t size)
{
	const char *version = mpi->version ? mpi->version : "";
	const char *gap = mpi->version ? " " : "";

	if (mpi->family == MPI_FAMILY_OPEN)
		snprintf(text, size, "Open MPI%s%s", gap, version);
	else if (mpi->family == MPI_FAMILY_MPICH)
		snprintf(text, size, "MPICH%s%s (ABI %u)", gap, version, mpi->major);
	else
		snprintf(text, size, "standard MPI ABI %u%s%s", mpi->major, gap, version);
}

/* ---- which may stand in for which ------------------------------------------------------------ */

static const char *family_name(const struct mpi *mpi)
{
	static const char *const families[] = { [MPI_FAMILY_MPICH] = "MPICH",
						[MPI_FAMILY_OPEN] = "Open MPI",
						[MPI_FAMILY_STANDARD] = "the standard ABI" };

	return families[mpi->family];
}

/* Functions of the standard, and the objects that stand for Open MPI's handles. Extensions (MPIX_)
 * come and go; what is Fortran's is between MPI and its own binding, which comes along. */
static bool is_of_abi(const char *symbol)
{
	if (strncmp(symbol, "MPI_F08_", 8) == 0)
		return false;
	return strncmp(symbol, "MPI_", 4) == 0 || strncmp(symbol, "PMPI_", 5) == 0 ||
	       strncmp(symbol, "ompi_mpi_", 9) == 0;
}

/* Counts what `to` lacks, and names the first few. */
static size_t list_missing(const struct mpi *from, const struct mpi *to, char *text, size_t size)
{
	const struct elf_symbols *symbols = &from->library->elf.exports;
	size_t missing = 0, len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < symbols->count; i++) {
		const char *name = symbols->items[i].name;

		if (!is_of_abi(name) || exports(to, name))
			continue;
		if (strncmp(name, "PMPI_", 5) != 0 && ++missing <= 3 && len < size)
			len += (size_t)snprintf(text + len, size - len, "%s%s",
						missing > 1 ? ", " : "", name);
	}
	if (missing > 3 && len < size)
		snprintf(text + len, size - len, ", ...");
	return missing;
}

enum mpi_fit mpi_fit(const struct mpi *from, const struct mpi *to, struct error *why)
{
	char missing[256], ours[128], theirs[128];
	size_t count;

	mpi_describe(from, ours, sizeof(ours));
	mpi_describe(to, theirs, sizeof(theirs));
	if (from->library->elf.machine != to->library->elf.machine ||
	    from->library->elf.class != to->library->elf.class) {
		error_set(why, 0, "%s and %s are for different processors", ours, theirs);
		return MPI_FIT_NONE;
	}
	if (from->family != to->family) {
		error_set(why, 0, "the ABI of %s is not that of %s", family_name(from),
			  family_name(to));
		return MPI_FIT_NONE;
	}
	if (from->major == 0) {
		error_set(why, 0, "the release of %s in '%s' cannot be told", family_name(from),
			  from->library->path);
		return MPI_FIT_NONE;
	}
	if (from->major != to->major) {
		error_set(why, 0, "%s and %s are different major releases", ours, theirs);
		return MPI_FIT_NONE;
	}
	count = list_missing(from, to, missing, sizeof(missing));
	if (count == 0)
		return MPI_FIT_ALL;
	error_set(why, 0, "%s lacks %zu function%s of %s: %s", theirs, count, count > 1 ? "s" : "",
		  ours, missing);
	return MPI_FIT_PART;
}
