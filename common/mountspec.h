/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mountspec.h - what --container-mounts asks for.
 *
 *	MOUNTS = MOUNT[,MOUNT]...
 *	MOUNT  = SOURCE[:TARGET[:FLAG[+FLAG]...]] | tmpfs:TARGET[:FLAGS] | umount:TARGET
 *
 * This is pyxis's syntax; a SOURCE may begin with "~/", a TARGET with "./", which is the root. A backslash takes the meaning from a following ':', ',' or '\'. Parsing
 * touches no file: srun checks the syntax long before a node knows whether the source exists.
 */
#ifndef DAVIT_MOUNTSPEC_H
#define DAVIT_MOUNTSPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum mount_kind {
	MOUNT_BIND,
	MOUNT_TMPFS,
	MOUNT_UMOUNT
};
enum mount_create {
	CREATE_NONE,
	CREATE_AUTO,
	CREATE_DIR,
	CREATE_FILE
};

struct mountspec {
	enum mount_kind kind;
	enum mount_create create; /* what to make of a mount point that the image lacks */
	bool recursive;           /* bind what is mounted below the source, too (rbind) */
	bool is_users;            /* chosen by the user: what a policy speaks of */
	bool optional;            /* leave it out where the source does not exist */
	bool is_dispensable; /* leave it out where it cannot be placed; never asked for by a user */
	bool propagate_below; /* the propagation holds for the mounts below, too (r...) */
	uint64_t propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0 */
	uint64_t attr_set;    /* MOUNT_ATTR_* of mount_setattr(2) */
	uint64_t attr_clr;
	char *source; /* path on the host, maybe with "~" (home.h); NULL unless MOUNT_BIND */
	char *target; /* absolute, without "." or ".." or doubled slashes */
	char *size;   /* tmpfs: size=, as tmpfs(5) takes it, or NULL */
	char *mode;   /* tmpfs: mode=, octal, or NULL */
};

struct mountlist {
	struct mountspec *items;
	size_t count;
};

/* Appends what `text` asks for. On failure returns -1 and leaves what came before the bad entry in
 * the list. */
int mountlist_parse(struct mountlist *list, const char *text, struct error *err);

/* Appends a bind of `source` at the same path, with the default flags. Returns 0, or -1 when out of
 * memory. A source that is no absolute path is refused with EINVAL. */
int mountlist_add_bind(struct mountlist *list, const char *source, bool optional,
		       struct error *err);

/* Appends copies of all entries of `from`. */
int mountlist_append_copy(struct mountlist *list, const struct mountlist *from, struct error *err);

/* Puts the list into the order in which it can be mounted: a target before those below it. Of two
 * mounts on one target the later one stays, on top. */
void mountlist_sort(struct mountlist *list);

/* Lets every `umount:` entry drop the mounts on its target that come before it, and removes these
 * entries. To be called before the list is sorted. Returns -1 with `err` set if one dropped none. */
int mountlist_apply_umounts(struct mountlist *list, struct error *err);

void mountlist_done(struct mountlist *list);

/* Is `path` the same as `dir` or below it? Both normalised. */
bool path_is_below(const char *path, const char *dir);

/* Returns `path` without doubled slashes and "." components, to be freed by the caller; NULL with
 * errno EINVAL where it is not absolute or has a ".." component, or ENOMEM. */
char *path_normalise(const char *path);

#endif
