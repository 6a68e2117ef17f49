/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store.h - where the copies of images lie, on a disk or in the memory of the node.
 *
 *	BASE/davit-UID/			of the user alone
 *		JOB.KEY			a whole copy: mode 0400, dated STORE_DATE
 *		JOB.KEY.part		one that is being made
 *		JOB.KEY.lock		held by who makes or looks for it; dated when it was used last
 *		JOB.KEY.nodes		the nodes that got it by broadcast
 *	BASE/davit-UID-JOB.STEP-KEY	what Slurm's broadcast brings; it cannot make directories
 *
 * BASE may be /var/tmp, where everybody can create files. So nothing in it is believed that is not the
 * user's own, and nothing in davit-UID that was written to after it was whole. `davit forget JOB`
 * takes all of a job away; what a job has left whose epilog never ran goes with the next use.
 */
#ifndef DAVIT_STAGE_STORE_H
#define DAVIT_STAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define STORE_DATE 1 /* seconds since 1970: any write to the copy changes it */

struct store {
	int base, own; /* directories */
	int lock;
	char *path;    /* of base */
	char *name;    /* in own */
	char *arrival; /* in base */
	uint64_t size; /* of the copy, in bytes */
};

#define STORE_INIT                                \
	{                                         \
		.base = -1, .own = -1, .lock = -1 \
	}

/* Opens the place for copies in the directory `path`. Returns 0, or -1 with `err` set; store_done()
 * releases it in each case. */
int store_open(struct store *store, const char *path, struct error *err);

/* Creates a file in the user's directory, which is made again if it is gone meanwhile. `flags` are more of those of
 * open(2). Returns it, or -1 with `err` set. */
int store_create(const struct store *store, const char *name, int flags, struct error *err);

/* Says whose copy it is about, and waits until nobody else on the node makes it. `step` may be NULL.
 * Returns 0, or -1 with `err` set. */
int store_lock(struct store *store, const char *job, const char *step, const char *key,
	       uint64_t size, struct error *err);

/* Opens the copy if there is one that can be believed, and removes one that cannot. Returns it, or -1. */
int store_find(const struct store *store);

/* Removes what other jobs have left and nobody has used for a day, or since the node has booted. */
void store_sweep(const struct store *store);

/* Makes the copy from the file `source`, of which `path` is the name for messages. The source must be
 * what it was before (fstat(2)) when all is copied. Returns the copy, or -1 with `err` set and nothing
 * left. */
int store_copy(const struct store *store, int source, const char *path, struct error *err);

/* The same without a name: it is gone when nobody has it open any more. No lock is needed. */
int store_copy_unnamed(const struct store *store, int source, const char *path, struct error *err);

/* Opens what the broadcast has brought, if it is there, whole and the user's. Returns it, or -1. */
int store_arrival(const struct store *store);

/* Tells whose file has the name that the broadcast uses, -1: nobody's. Where it is somebody else's, nothing
 * can come. */
uid_t store_arrival_owner(const struct store *store);

/* Makes that the copy; `moves_charge`: by a copy in memory that this process's cgroup is charged for, while
 * what is copied already is given back. Returns it, or -1 with `err` set. */
int store_adopt(const struct store *store, int arrival, bool moves_charge, struct error *err);

/* Removes what broadcasts have brought to this job and for this copy. */
void store_drop_arrivals(const struct store *store);

/* Notes the nodes that have got the copy by a broadcast, or tells them, to be freed; NULL: none. */
void store_note_nodes(const struct store *store, const char *nodes);
char *store_nodes(const struct store *store);

void store_done(struct store *store);

/* Removes all that the job `job` of the calling user has in `path`. No such directory is no error. Returns
 * 0, or -1 with `err` set. */
int store_forget(const char *path, const char *job, struct error *err);

#endif
