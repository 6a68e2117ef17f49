/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostmpi.h - the node's MPI in place of the image's: which, and what comes along.
 *
 * Only looks at files; place.h does what has been decided, `davit mpi-check` shows it.
 */
#ifndef DAVIT_MPI_HOSTMPI_H
#define DAVIT_MPI_HOSTMPI_H

#include <stdbool.h>

#include "common/error.h"
#include "common/settings.h"
#include "images/imageconf.h"
#include "launcher/conf/conf.h"
#include "launcher/mpi/bring.h"
#include "launcher/mpi/mpi.h"
#include "launcher/mpi/world.h"

/* What the image lacks is there; by it others see later that the node's MPI is in a container. */
#define HOSTMPI_PLACE "/dev/davit-mpi/"

struct hostmpi {
	struct world image, node;
	struct mpi_list of_image, of_node;
	struct bring bring;
	bool is_used;      /* the node's takes the place of at least one of the image's */
	struct error note; /* what a user should know although it works; cause "" for nothing */
};

/* Where to look. Descriptors and strings must live as long as struct hostmpi. */
struct hostmpi_places {
	int image, node;          /* root directories */
	const char *library_path; /* LD_LIBRARY_PATH in the container, or NULL */
	const struct conf *conf;  /* names MPI libraries and directories of the node */
};

/* LD_LIBRARY_PATH in the container, as far as it can be told before there is one; or NULL. */
const char *hostmpi_library_path(const struct settings *settings, const struct image_config *says);

/* Finds the MPI libraries of both worlds. Returns 0, or -1 with `err` set. hostmpi_done releases
 * `hostmpi` in each case. */
int hostmpi_look(struct hostmpi *hostmpi, const struct hostmpi_places *places, struct error *err);

/* The library of the node that stands in best for `mpi` of the image, and how well; NULL, with a
 * reason in `why`, where none can. */
const struct mpi *hostmpi_match(const struct hostmpi *hostmpi, const struct mpi *mpi,
				enum mpi_fit *fit, struct error *why);

/* Decides what to use and to bring along. With MPI_AUTO the image's is used where the node's does not
 * fit in all; with MPI_HOST that is an error. Returns 0, or -1 with `err` set. */
int hostmpi_decide(struct hostmpi *hostmpi, enum mpi_choice choice, const struct conf *conf,
		   struct error *err);
void hostmpi_done(struct hostmpi *hostmpi);

#endif
