/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bring.h - what has to come along when a library of the node's is used in an image: its MPI, which
 * takes the place of the image's, or what an adapter needs.
 *
 * The node's library needs others. Which world each of those comes from is decided by the symbols:
 *	- The image lacks it: it comes from the node.
 *	- The image's has all symbols for which the node's would be used: it stays, and nothing that
 *	  the image's own programs use is changed.
 *	- It has not, but the node's has all that the image's has: the node's covers it.
 *	- Neither: the two cannot live in one process, and the node's MPI cannot be used.
 * Libraries of one project that only work with each other always come together. The C library is
 * always the image's: the loader that every program starts with is part of it. So nothing may need a
 * version of it that the image does not have.
 *
 * Libraries of the node bring the directories where they look for their components (see
 * belongings.h); what those need comes along in the same way, but a component that cannot is only
 * left alone.
 *
 * bring.c        what is needed
 * conflict.c     may it come along?
 * bring_mount.c  puts it into the container
 */
#ifndef DAVIT_MPI_BRING_H
#define DAVIT_MPI_BRING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "launcher/mpi/mpi.h"
#include "launcher/mpi/rooted.h"
#include "launcher/mpi/world.h"
#include "launcher/root.h"

enum bring_from {
	BRING_NOTHING, /* it cannot come along, and nothing depends on it */
	BRING_IMAGE,   /* the image's stays */
	BRING_NODE
};

struct bring_library {
	char *soname;                   /* what others ask for; of a component its path */
	struct library *node;           /* the node's */
	struct library *image;          /* the image's of that soname, or NULL */
	const struct library *replaced; /* an MPI library of the image that it stands in for */
	enum bring_from from;
	bool is_component; /* it comes with a directory */
	bool is_required;  /* MPI does not start without */
	bool is_done;      /* what it needs is in the list, too */
	bool is_refused;   /* it cannot come along, and MPI starts without */
};

/* Starts with all zeros but the worlds and the place, which are the caller's. */
struct bring {
	const struct world *image, *node;
	const char *
		place; /* directory for what the image lacks, right below the container's /dev; ends with '/' */
	struct bring_library *items;
	size_t count;
	char **directories; /* of the node, for the same paths in the container */
	size_t directory_count;
	struct paths siblings; /* directories of the image where the MPI libraries are */
	struct library **libc; /* parts of the image's C library that were asked for */
	size_t libc_count;
};

/* The node's `with` is to stand in for the image's `mpi`; its bindings for other languages come
 * along. To be called for each pair before bring_decide(). */
int bring_add_pair(struct bring *bring, const struct mpi *mpi, const struct mpi *with,
		   struct error *err);

/* A library of the node's that the image lacks, and what it needs; where it cannot come along, it is
 * left out. */
int bring_add_library(struct bring *bring, const char *soname, struct error *err);

/* Why the library of that name has been left out; false: it has not. */
bool bring_is_left_out(struct bring *bring, const char *soname, struct error *why);

/* A directory of the node and what its components need; one that is not there is no error. */
int bring_add_directory(struct bring *bring, const char *path, struct error *err);

/* Finds all that is needed and decides where it comes from. Returns 0, or -1 with `err` set when it
 * cannot work; the cause says why. */
int bring_decide(struct bring *bring, struct error *err);
void bring_done(struct bring *bring);

/* bring_mount.c: mounts what comes from the node. A library that the image has, too, is mounted on the
 * image's file; others in `place`, which is made in any case, and they are added to `cache`, which is
 * written anew to the container's ld.so.cache if that changes anything. Returns 0, or -1 with `err`
 * set. */
int bring_mount(const struct bring *bring, struct root *root, struct ldcache *cache,
		struct error *err);

/* conflict.c: can `item` of the node run with the image's C library? */
bool bring_suits_libc(struct bring *bring, const struct bring_library *item, struct error *why);

/* conflict.c: has the image's `item` all that `user`, of the node, uses of the node's? */
bool bring_image_suffices(const struct bring_library *item, const struct library *user);

/* conflict.c: may the node's `item` cover the image's, of which `user` lacks something? */
bool bring_may_cover(const struct bring_library *item, const struct library *user,
		     struct error *why);

/* The directories where a library of that name is to be replaced although the loader does not look
 * there by itself; for world_places(). NULL: none. */
const char *const *bring_hidden(const struct bring *bring, const char *soname);

/* conflict.c: does nobody but MPI itself use this? */
bool bring_is_of_mpi(const char *soname);

/* conflict.c: is this a part of the C library? */
bool bring_is_libc(const char *soname);

/* conflict.c: must libraries of these names be of the same build? */
bool bring_is_family(const char *soname, const char *other);

#endif
