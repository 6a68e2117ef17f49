/* SPDX-License-Identifier: BSD-3-Clause */
/* siblings.c - see siblings.h. */
#include "launcher/meeting/siblings.h"

#include <ctype.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/running/process.h"

#define SCRIPTS_MAX 32 /* one above the other, between a rank and its daemon */

/* What tells a rank from others: no two that a daemon has started have the same in all of these. */
static const char *const of_rank[] = {
	"PMIX_NAMESPACE",  "PMIX_RANK",    "OMPI_COMM_WORLD_RANK", "PMI_RANK",     "PMI_FD",
	"MPI_LOCALRANKID", "SLURM_JOB_ID", "SLURM_STEP_ID",        "SLURM_PROCID",
};

/* Open MPI's and PRRTE's; Hydra's (MPICH, Intel MPI, MVAPICH). */
static const char *const counts[] = { "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS" };
static const char *const places[] = { "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
				      "SLURM_LOCALID" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

unsigned int siblings_of_node(const char *list, unsigned long node)
{
	while (isdigit((unsigned char)*list)) {
		char *end;
		unsigned long tasks = strtoul(list, &end, 10), nodes = 1;

		if (strncmp(end, "(x", 2) == 0) {
			nodes = strtoul(end + 2, &end, 10);
			if (*end++ != ')')
				return 0;
		}
		if (node < nodes)
			return tasks <= INT_MAX ? (unsigned int)tasks : 0;
		node -= nodes;
		list = *end == ',' ? end + 1 : end;
	}
	return 0;
}

/* A batch script has no such list: nobody is beside it. */
static unsigned int count_of_step(char *(*get)(const char *name))
{
	const char *list = get("SLURM_STEP_TASKS_PER_NODE"), *node = get("SLURM_NODEID");

	return list && node ? siblings_of_node(list, strtoul(node, NULL, 10)) : 0;
}

/* Where one launcher has started another, the variables of both are there: the larger number. It
 * costs little to look for siblings in vain. */
unsigned int siblings_count(char *(*get)(const char *name))
{
	unsigned int most = count_of_step(get);

	for (size_t i = 0; i < COUNT(counts); i++) {
		const char *text = get(counts[i]);
		uint32_t count;

		if (text && number_parse(text, &count) && count > most)
			most = count;
	}
	return most > 1 ? most : 1;
}

bool siblings_is_first(char *(*get)(const char *name))
{
	for (size_t i = 0; i < COUNT(places); i++) {
		const char *place = get(places[i]);

		if (place)
			return strcmp(place, "0") == 0;
	}
	return false;
}

/* Has the process been started with all that makes the caller the rank that it is? */
static bool is_of_rank(int proc)
{
	size_t len = 0;
	cleanup_free char *env = process_environment(proc, &len);

	if (!env)
		return false;
	for (size_t i = 0; i < COUNT(of_rank); i++) {
		const char *own = getenv(of_rank[i]), *other;

		if (!own)
			continue;
		other = process_variable(env, len, of_rank[i]);
		if (!other || strcmp(own, other) != 0)
			return false;
	}
	return true;
}

pid_t siblings_daemon(void)
{
	pid_t pid = getppid();

	for (int i = 0; i < SCRIPTS_MAX && pid > 1; i++) {
		cleanup_close int proc = process_open(pid);
		pid_t parent;

		if (proc < 0 || !is_of_rank(proc))
			break;
		parent = (pid_t)process_field(proc, "status", "PPid:");
		if (parent == 0)
			break;
		pid = parent;
	}
	return pid;
}

static bool is_same(int proc, const char *name)
{
	char path[32] = "/proc/self/";
	struct stat own, other;

	return stat(strcat(path, name), &own) == 0 && fstatat(proc, name, &other, 0) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

int siblings_open(pid_t pid)
{
	cleanup_close int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	cleanup_close int proc = pidfd < 0 ? -1 : process_open(pid);

	if (proc < 0 || !is_same(proc, "ns/user") || !is_same(proc, "ns/mnt") ||
	    siblings_has_ended(pidfd))
		return -1;
	return steal_fd(&pidfd);
}

bool siblings_has_ended(int pidfd)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	return poll(&end, 1, 0) != 0;
}
