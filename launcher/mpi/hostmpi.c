/* SPDX-License-Identifier: BSD-3-Clause */
/* hostmpi.c - see hostmpi.h. */
#include "launcher/mpi/hostmpi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

#define EXPLAIN "`davit mpi-check IMAGE` tells more, --container-mpi=image uses the image's own"

/* Where images have an MPI that the loader does not find by itself: programs know by an RPATH. */
static const char *const installations[] = { "/usr/local/lib*",         "/usr/local/*/lib*",
					     "/usr/lib*/*mpi*/lib*",    "/usr/lib*/mpich*/lib*",
					     "/usr/lib*/mvapich*/lib*", "/opt/*/lib*",
					     "/opt/*/*/lib*",           NULL };

const char *hostmpi_library_path(const struct settings *settings, const struct image_config *says)
{
	static const char variable[] = "LD_LIBRARY_PATH";
	const char *found = NULL;

	for (size_t i = 0; i < settings->env.count; i++)
		if (strcmp(settings->env.items[i].name, variable) == 0)
			return settings->env.items[i].value ? settings->env.items[i].value
							    : getenv(variable);
	for (char *const *env = says->env; env && *env; env++)
		if (strncmp(*env, variable, strlen(variable)) == 0 &&
		    (*env)[strlen(variable)] == '=')
			found = *env + strlen(variable) + 1;
	return found;
}

int hostmpi_look(struct hostmpi *hostmpi, const struct hostmpi_places *places, struct error *err)
{
	struct elf_file own;
	int result = -1;

	*hostmpi = (struct hostmpi){ .note = ERROR_INIT,
				     .bring = { .image = &hostmpi->image,
						.node = &hostmpi->node,
						.place = HOSTMPI_PLACE } };
	if (elf_file_read_own(&own, err) < 0)
		return -1;
	if (world_init(&hostmpi->image, places->image, "image", places->library_path, own.class,
		       own.machine, err) == 0 &&
	    world_init(&hostmpi->node, places->node, "node", getenv("LD_LIBRARY_PATH"), own.class,
		       own.machine, err) == 0 &&
	    mpi_list_find(&hostmpi->of_image, &hostmpi->image, NULL, installations, err) == 0 &&
	    mpi_list_find(&hostmpi->of_node, &hostmpi->node, places->conf->host_mpi, NULL, err) ==
		    0)
		result = 0;
	elf_file_done(&own);
	return result;
}

const struct mpi *hostmpi_match(const struct hostmpi *hostmpi, const struct mpi *mpi,
				enum mpi_fit *fit, struct error *why)
{
	const struct mpi *best = NULL;
	struct error reason = ERROR_INIT;
	bool is_near = false;

	*fit = MPI_FIT_NONE;
	if (hostmpi->of_node.count == 0)
		error_set(why, 0, "the node has no MPI library that the loader finds");
	for (size_t i = 0; i < hostmpi->of_node.count && *fit != MPI_FIT_ALL; i++) {
		const struct mpi *candidate = &hostmpi->of_node.items[i];
		enum mpi_fit found = mpi_fit(mpi, candidate, &reason);

		/* The reason that helps is that of the candidate of the same family. */
		if (found > *fit || (!best && !is_near)) {
			*why = reason;
			is_near = candidate->family == mpi->family;
		}
		if (found > *fit) {
			best = candidate;
			*fit = found;
		}
	}
	return best;
}

/* Adds a cause to those that are there, each once. */
static void add_cause(struct error *to, const char *what, const struct error *why)
{
	struct error before = *to;

	if (!strstr(before.cause, why->cause))
		error_set(to, 0, "%s%s%s%s", before.cause, before.cause[0] ? "; " : "", what,
			  why->cause);
}

/* Who asked for the node's MPI has to know where it is not that, or not in all. Why the image's have
 * none of the node's goes to `all`. */
static int add_pairs(struct hostmpi *hostmpi, enum mpi_choice choice, struct error *all,
		     struct error *err)
{
	for (size_t i = 0; i < hostmpi->of_image.count; i++) {
		const struct mpi *mpi = &hostmpi->of_image.items[i];
		struct error why = ERROR_INIT;
		enum mpi_fit fit;
		const struct mpi *with = hostmpi_match(hostmpi, mpi, &fit, &why);

		if (choice == MPI_HOST && fit != MPI_FIT_ALL)
			add_cause(&hostmpi->note, with ? "" : "the image's stays: ", &why);
		if (!with)
			add_cause(all, "", &why);
		if (!with || (fit == MPI_FIT_PART && choice == MPI_AUTO))
			continue;
		if (bring_add_pair(&hostmpi->bring, mpi, with, err) < 0)
			return -1;
		hostmpi->is_used = true;
	}
	return 0;
}

static int bring_along(struct hostmpi *hostmpi, const struct conf *conf, struct error *err)
{
	for (char **path = conf->host_mpi_directories; path && *path; path++)
		if (bring_add_directory(&hostmpi->bring, *path, err) < 0)
			return -1;
	return bring_decide(&hostmpi->bring, err);
}

int hostmpi_decide(struct hostmpi *hostmpi, enum mpi_choice choice, const struct conf *conf,
		   struct error *err)
{
	struct error why = ERROR_INIT;
	int result = 0;

	if (hostmpi->image.is_musl)
		error_set(&why, 0, "the image's C library is musl, the node's MPI needs glibc");
	else if (hostmpi->of_image.count == 0)
		error_set(&why, 0, "the image has no MPI library in any of the usual places");
	else if (add_pairs(hostmpi, choice, &why, err) < 0)
		return -1;
	if (hostmpi->is_used)
		result = bring_along(hostmpi, conf, &why);
	if (hostmpi->note.cause[0])
		error_remedy(&hostmpi->note, "`davit mpi-check IMAGE` tells more");
	if (hostmpi->is_used && result == 0)
		return 0;
	hostmpi->is_used = false;
	if (choice == MPI_AUTO)
		return 0;
	*err = why;
	error_wrap(err, "cannot use the node's MPI in the container");
	return error_remedy(err, EXPLAIN);
}

void hostmpi_done(struct hostmpi *hostmpi)
{
	bring_done(&hostmpi->bring);
	mpi_list_done(&hostmpi->of_image);
	mpi_list_done(&hostmpi->of_node);
	world_done(&hostmpi->image);
	world_done(&hostmpi->node);
}
