/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * turn.h - locks of the import cache: one process of all nodes at a time, and images that are in use.
 *
 * They are locks of open files (F_OFD_SETLK, fcntl(2)), which NFS, Lustre (mounted with `flock`) and GPFS carry
 * from node to node, and which end with the last process that holds them, however that ends, and with its
 * node.
 */
#ifndef DAVIT_IMPORTS_TURN_H
#define DAVIT_IMPORTS_TURN_H

#include "launcher/imports/cache.h"

struct turn {
	int fd; /* -1: it is somebody else's */
};

/* Who waits has something to tell. */
struct turn_waiting {
	const char *what;                       /* that is being done */
	void (*tell)(const struct error *note); /* NULL: nobody */
};

/* Asks for the one turn at lock `name`. Returns 1: it is the caller's, until turn_end(). 0: somebody else had
 * it, and has ended it well, or has died; so look, and maybe ask again. -1 with `err` set: somebody else had it
 * and has failed, for that reason, or there can be no lock. */
int turn_begin(struct turn *turn, const struct import_cache *cache, const char *name,
	       const struct turn_waiting *waiting, struct error *err);

/* Ends it, and tells those who wait what it came to: `failure`, or NULL. */
void turn_end(struct turn *turn, const struct error *failure);

/* Removes the file of a turn that has done its work for good. */
void turn_forget(const struct import_cache *cache, const char *name);

/* Shares lock `name` with all who use the same, as long as the descriptor that is returned is open, here or in
 * a process that has inherited it; -1 with `err` set. Waits for lock_alone(). */
int lock_share(const struct import_cache *cache, const char *name, struct error *err);

/* Takes it as the only one, by a descriptor that is returned; -1 with `err` set, and EBUSY in it where somebody
 * shares it. */
int lock_alone(const struct import_cache *cache, const char *name, struct error *err);

#endif
