/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mpi_advice.c - see mpi_advice.h.
 *
 * Where something is not known for sure, nothing is said: a wrong warning is worse than none. What
 * the libraries speak:
 *	Open MPI   PMIx; before release 5, PMI-1 and PMI-2, too, where it was built with Slurm's
 *	           libpmi or libpmi2, which Debian's is not
 *	MPICH      PMI-1 and PMI-2; PMIx where it was built with libpmix
 * PMIx servers and clients understand each other from 2.1 on. A client of PMIx 1 wants a socket that
 * only servers up to 3 have, and they name it in PMIX_SERVER_URI; PMIx 2.0 understands itself only.
 */
#include "launcher/mpi_advice.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/mpi/elf_file.h"
#include "launcher/mpi/world.h"

enum family {
	FAMILY_OPEN,
	FAMILY_MPICH,
	FAMILY_UNKNOWN /* the standard ABI tells nobody's name */
};

struct command {
	char path[PATH_MAX];
	struct library *library; /* the program itself */
	const char *mpi;         /* soname of its MPI library */
	enum family family;
	bool own_network;
	struct world world;
};

/* ---- the step -------------------------------------------------------------------------------- */

static bool has_variable(const char *prefix)
{
	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

static bool has_pmix(void)
{
	return has_variable("PMIX_NAMESPACE=") || has_variable("PMIX_SERVER_URI");
}

/* As Slurm's pmi2 has it, or Cray's launcher. */
static bool has_pmi(void)
{
	return has_variable("PMI_") || has_variable("PALS_");
}

/* The number of tasks, where this is the first of them; else 0. */
static long own_tasks(void)
{
	const char *rank = getenv("SLURM_PROCID"), *count = getenv("SLURM_STEP_NUM_TASKS");

	return rank && count && strcmp(rank, "0") == 0 ? strtol(count, NULL, 10) : 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* Finds the file that execvp(3) would execute. */
static bool find_command(const char *name, const char *workdir, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	if (name[0] == '/')
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
	if (strchr(name, '/'))
		return snprintf(path, PATH_MAX, "%s/%s", workdir, name) < PATH_MAX;
	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");

		if (len > 0 && dirs[0] == '/' &&
		    snprintf(path, PATH_MAX, "%.*s/%s", (int)len, dirs, name) < PATH_MAX &&
		    is_program(path))
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

/* Is `name` a library `stem`, followed by its version? */
static bool is_library(const char *name, const char *stem)
{
	size_t len = strlen(stem);

	return strncmp(name, stem, len) == 0 && strncmp(name + len, ".so.", 4) == 0;
}

static bool needs_any(const struct elf_file *elf, const char *const *stems)
{
	for (char **name = elf->needed; *name; name++)
		for (const char *const *stem = stems; *stem; stem++)
			if (is_library(*name, *stem))
				return true;
	return false;
}

/* The MPI library among those that the program is linked with. The number in libmpi.so.N is 12 for
 * MPICH and all that have its ABI, 20 or more for Open MPI since release 2. */
static const char *find_mpi(const struct elf_file *elf, enum family *family)
{
	for (char **name = elf->needed; *name; name++) {
		*family = FAMILY_MPICH;
		if (is_library(*name, "libmpich") || is_library(*name, "libmpi_cray") ||
		    strcmp(*name, "libmpi.so.12") == 0)
			return *name;
		*family = FAMILY_OPEN;
		if (is_library(*name, "libmpi") && atoi(*name + strlen("libmpi.so.")) >= 20)
			return *name;
		*family = FAMILY_UNKNOWN;
		if (is_library(*name, "libmpi_abi"))
			return *name;
	}
	return NULL;
}

/* ---- what the library speaks ----------------------------------------------------------------- */

static struct library *find_library(const struct command *command, const char *soname)
{
	struct error ignored = ERROR_INIT;

	return world_find(&command->world, soname, command->library, ELF_HEAD, &ignored);
}

static int found(void *context, const char *path)
{
	(void)context;
	(void)path;
	return 1;
}

/* Does Open MPI have a component of this name? They lie below the directory of the library. */
static bool has_component(const struct command *command, const struct library *mpi,
			  const char *name)
{
	static const char *const below[] = { "openmpi", "openmpi[0-9]*", "openmpi/lib/openmpi*" };
	const char *const files[] = { mpi->path, mpi->real };
	char patterns[6][PATH_MAX + 32];
	const char *more[7] = { NULL };
	struct error ignored = ERROR_INIT;
	size_t count = 0;

	for (size_t i = 0; i < 2; i++) {
		const char *slash = strrchr(files[i], '/');

		for (size_t j = 0; slash && j < sizeof(below) / sizeof(below[0]); j++) {
			snprintf(patterns[count], sizeof(patterns[0]), "%.*s/%s",
				 (int)(slash - files[i]), files[i], below[j]);
			more[count] = patterns[count];
			count++;
		}
	}
	return world_each(&command->world, name, more, found, NULL, &ignored) != 0;
}

/* Is it linked with Slurm's or Cray's client for PMI, or is its part in libopen-pal? */
static bool is_linked_with(const struct command *command, const struct library *mpi,
			   const char *const *stems)
{
	if (needs_any(&mpi->elf, stems))
		return true;
	for (char **name = mpi->elf.needed; *name; name++) {
		struct library *pal;
		bool has;

		if (!is_library(*name, "libopen-pal"))
			continue;
		pal = find_library(command, *name);
		has = pal && needs_any(&pal->elf, stems);
		library_free(pal);
		return has;
	}
	return false;
}

static bool open_mpi_speaks_pmi(const struct command *command, const struct library *mpi)
{
	static const char *const clients[] = { "libpmi", "libpmi2", NULL };

	return is_linked_with(command, mpi, clients) ||
	       has_component(command, mpi, "mca_pmix_s[12].so");
}

static bool mpich_speaks_pmix(const struct library *mpi)
{
	static const char *const clients[] = { "libpmix", "libpmi", "libpmi2", NULL };

	return needs_any(&mpi->elf, clients) || has_variable("I_MPI_PMI");
}

static bool is_release(const struct library *mpi, const char *number)
{
	const char *name = strrchr(mpi->real, '/');

	return name && strncmp(name + 1, "libmpi.so.", 10) == 0 &&
	       strncmp(name + 11, number, strlen(number)) == 0;
}

/* The version of PMIx that Open MPI brings along, where no server of another one is of use to it;
 * else NULL. */
static const char *old_client(const struct command *command, const struct library *mpi)
{
	const char *server = getenv("PMIX_VERSION");

	if (strcmp(command->mpi, "libmpi.so.20") == 0)
		return has_variable("PMIX_SERVER_URI=") ? NULL : "1";
	if (is_release(mpi, "40.0.") && server && strncmp(server, "2.0", 3) != 0 &&
	    has_component(command, mpi, "mca_pmix_pmix2x.so"))
		return "2.0";
	return NULL;
}

/* ---- the advice ------------------------------------------------------------------------------ */

static int tell(const struct command *command, const char *wants, const char *remedy,
		struct error *err)
{
	static const char *const names[] = { "Open MPI", "MPICH", "MPI" };
	const char *has = has_pmix() ? "PMIx" : has_pmi() ? "PMI-2" : "none";

	error_set(
		err, 0,
		"the %ld tasks of '%s' cannot find each other: its %s (%s) wants %s, the step has %s",
		own_tasks(), command->path, names[command->family], command->mpi, wants, has);
	return error_remedy(err, "%s", remedy);
}

static int tell_nothing(const struct command *command, struct error *err)
{
	if (command->family == FAMILY_OPEN)
		return tell(command, "PMIx", "srun --mpi=pmix", err);
	if (command->family == FAMILY_MPICH)
		return tell(command, "PMI-2", "srun --mpi=pmi2", err);
	return tell(command, "PMIx or PMI-2", "srun --mpi=pmix, or --mpi=pmi2", err);
}

static int tell_old(const struct command *command, const char *client, struct error *err)
{
	const char *server = getenv("PMIX_VERSION");

	error_set(
		err, 0,
		"the %ld tasks of '%s' cannot find each other: its Open MPI (%s) has a client of PMIx %s, too old for the server, %s",
		own_tasks(), command->path, command->mpi, client,
		server ? server : "PMIx 4 or newer");
	return error_remedy(err, "an image with Open MPI 4 or newer");
}

static int tell_apart(const struct command *command, const char *why, const char *remedy,
		      struct error *err)
{
	error_set(err, 0, "the %ld tasks of '%s' cannot find each other: %s", own_tasks(),
		  command->path, why);
	return error_remedy(err, "%s", remedy);
}

/* A library and a server that understand each other may still be kept apart. */
static int look_between(const struct command *command, struct error *err)
{
	const char *user = getenv("SLURM_JOB_UID");

	if (command->own_network)
		return tell_apart(
			command,
			"their network is the container's own, the PMIx server is at 127.0.0.1 of the node",
			"without --container-unshare=net", err);
	if (geteuid() == 0 && user && strcmp(user, "0") != 0)
		return tell_apart(
			command,
			"they are root here, whom the PMIx server of the step does not know",
			"without --container-remap-root", err);
	return 0;
}

static int compare(const struct command *command, struct error *err)
{
	struct library *mpi = NULL;
	const char *client;
	int result = 0;

	if (!has_pmix() && !has_pmi())
		return tell_nothing(command, err);
	if (command->family == FAMILY_UNKNOWN || (command->family == FAMILY_MPICH && has_pmi()))
		return 0;
	mpi = find_library(command, command->mpi);
	if (!mpi)
		return 0; /* the dynamic linker will say that */
	if (command->family == FAMILY_MPICH) {
		if (!mpich_speaks_pmix(mpi))
			result = tell(command, "PMI-2", "srun --mpi=pmi2", err);
	} else if (has_pmix()) {
		client = old_client(command, mpi);
		result = client ? tell_old(command, client, err) : look_between(command, err);
	} else if (!open_mpi_speaks_pmi(command, mpi)) {
		result = tell(command, "PMIx", "srun --mpi=pmix", err);
	}
	library_free(mpi);
	return result;
}

/* Most commands are not linked with MPI: their own headers are all that is read. */
static bool is_mpi(const char *path, struct elf_file *elf)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct error ignored = ERROR_INIT;
	enum family family;

	if (fd < 0 || elf_file_read(elf, fd, ELF_HEAD, &ignored) < 0)
		return false;
	if (find_mpi(elf, &family))
		return true;
	elf_file_done(elf);
	return false;
}

int mpi_advice(const char *name, const char *workdir, bool own_network, struct error *err)
{
	static struct command command;
	struct error ignored = ERROR_INIT;
	struct elf_file elf;
	cleanup_close int root = -1;
	int result = 0;

	if (own_tasks() < 2 || !find_command(name, workdir, command.path) ||
	    !is_mpi(command.path, &elf))
		return 0;
	command.own_network = own_network;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 && world_init(&command.world, root, "image", getenv("LD_LIBRARY_PATH"),
				    elf.class, elf.machine, &ignored) == 0) {
		command.library = world_open(&command.world, command.path, ELF_HEAD, &ignored);
		if (command.library) {
			command.mpi = find_mpi(&command.library->elf, &command.family);
			result = command.mpi ? compare(&command, err) : 0;
			library_free(command.library);
		}
		world_done(&command.world);
	}
	elf_file_done(&elf);
	return result;
}
