/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * running.h - the containers that run on this node.
 *
 * There is no registry. A container is what its processes show in /proc: namespaces that are not
 * ours, and DAVIT_IMAGE in the environment that they started with. All of it comes from processes of
 * users, who may show anything: the texts are bounded but not scrubbed, and nothing but the owner
 * and the namespaces is proof. Nothing below /proc/PID/root or /proc/PID/cwd is ever looked at.
 */
#ifndef DAVIT_RUNNING_H
#define DAVIT_RUNNING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/stats.h"

/* What a rank's environment tells about its container; set by the launcher. */
#define RUNNING_ENV_IMAGE   "DAVIT_IMAGE"   /* the image's path */
#define RUNNING_ENV_NAME    "DAVIT_NAME"    /* that of --container-name, else unset */
#define RUNNING_ENV_ENTERED "DAVIT_ENTERED" /* set by davit enter; unset for a rank */

/* One container, or the part of it that one step has, where several share a named one. */
struct running {
	pid_t pid;       /* a process in it, of its lowest rank */
	uid_t uid;       /* who owns its user namespace */
	ino_t user_ns;   /* numbers of namespaces, as in /proc/PID/ns */
	ino_t parent_ns; /* user namespace around user_ns; 0 if out of sight */
	ino_t mount_ns;
	uint32_t job;     /* 0 outside of jobs */
	uint32_t step;    /* STEP_NONE outside of steps */
	uint32_t rank;    /* lowest SLURM_PROCID; UINT32_MAX where there is none */
	char *node;       /* SLURMD_NODENAME, or NULL */
	char *name;       /* or NULL */
	char *image;      /* never NULL */
	char *staged;     /* the copy of it that is read, or NULL; only where it is counted */
	size_t ranks;     /* different SLURM_PROCID; 0 where no process shows its own */
	size_t processes; /* all of them */
	uint64_t memory;  /* bytes: the sum of Pss, or RSS where that cannot be read; shared pages
			   * are divided among those who share them */
	pid_t server;     /* the image server, 0 if there is none or it is gone */
	uint64_t served;  /* bytes that it has sent to the kernel (wchar of /proc/SERVER/io) */
	bool is_counted;  /* it tells what it has counted: */
	uint64_t counts[STAT_COUNT];
};

struct running_list {
	struct running *items; /* by user, job, step, rank */
	size_t count;
};

struct running_want {
	uint32_t job;
	uint32_t step;    /* STEP_NONE: any */
	const char *name; /* NULL: any */
};

/* Finds all containers that the caller may see: root all, others their own. With `measure`, memory,
 * served and counts are filled in, which takes longer. A process that ends meanwhile is no error. Returns 0,
 * or -1 with `err` set. */
int running_list_read(struct running_list *list, bool measure, struct error *err);

void running_list_done(struct running_list *list);

/* Is it the caller's own, on the caller's node (as far as both know their SLURMD_NODENAME: several
 * slurmd may share a machine), and as wanted? */
bool running_matches(const struct running *running, const struct running_want *want);

/* The first that matches, of the lowest rank; NULL if there is none. */
const struct running *running_find(const struct running_list *list,
				   const struct running_want *want);

#endif
