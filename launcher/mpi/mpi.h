/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mpi.h - MPI libraries: which there are in a world, and which may stand in for which.
 *
 * All is told by the ELF files. Three families keep an ABI of their own:
 *	MPICH      since 2013 one for MPICH, Intel MPI, MVAPICH2 and Cray MPI: libmpi.so.12
 *	Open MPI   one for each major release; it exports ompi_mpi_comm_world
 *	standard   that of MPI 5.0: libmpi_abi.so
 */
#ifndef DAVIT_MPI_MPI_H
#define DAVIT_MPI_MPI_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "launcher/mpi/world.h"

enum mpi_family {
	MPI_FAMILY_MPICH,
	MPI_FAMILY_OPEN,
	MPI_FAMILY_STANDARD
};

struct mpi {
	struct library *library; /* with symbols */
	enum mpi_family family;
	unsigned int major; /* Open MPI: its release, 0 if not known; else the number of the ABI */
	char *version;      /* "4.1.4", or NULL where the library does not say it */
};

/* A list of all zeros is empty. */
struct mpi_list {
	struct mpi *items;
	size_t count;
};

/* Finds MPI libraries: first the files `named` (ends with NULL; may be NULL itself), then all that a program of this world might be linked with. `more` are patterns of
 * directories to look into, as for world_each(). None is no error. Returns 0, or -1 with `err` set. */
int mpi_list_find(struct mpi_list *list, const struct world *world, char *const *named,
		  const char *const more[], struct error *err);
void mpi_list_done(struct mpi_list *list);

/* Whether the file could be an MPI library, by its name. */
bool mpi_is_name(const char *path);

/* Fills the rest of `mpi` from mpi->library, which has symbols, and its open file `fd`. False if it is no MPI
 * library. mpi->version is to be freed. */
bool mpi_identify(struct mpi *mpi, int fd);

/* "Open MPI 4.1.4", "MPICH 4.0.2": for messages, at most `size` bytes. */
void mpi_describe(const struct mpi *mpi, char *text, size_t size);

enum mpi_fit {
	MPI_FIT_NONE,
	MPI_FIT_PART, /* the same ABI, but some functions of the newer library are missing */
	MPI_FIT_ALL
};

/* Can programs that were linked with `from` run with `to`? Unless all fits, the cause in `why` says
 * what does not. */
enum mpi_fit mpi_fit(const struct mpi *from, const struct mpi *to, struct error *why);

#endif
