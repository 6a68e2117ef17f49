/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy.h - davit.conf's `policy`: who may have which container.
 *
 * It is a list of rules. The first one that is about the user, the groups, the account and the
 * partition of a job decides; where none is, everything is allowed. A rule allows what it does not
 * restrict. See davit.conf(5).
 *
 * It is judged twice: by `davit judge`, which the plugin starts as the user, but out of the user's
 * reach, before it hands anything to a rank; and again by the launcher, on what it really uses. Without
 * the plugin only the latter happens, in a process that the user may do with what they like.
 *
 * policy_parse.c	from the tree of davit.conf to the rules
 * policy.c		which rule, and what it says of the options
 * policy_files.c	what it says of images and of the sources of mounts
 */
#ifndef DAVIT_POLICY_H
#define DAVIT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/settings.h"

/* Lists of patterns, each ending with NULL; no list restricts nothing, an empty one allows nothing. */
enum policy_list {
	POLICY_USERS, /* whom the rule is about: names or numbers */
	POLICY_GROUPS,
	POLICY_ACCOUNTS,
	POLICY_PARTITIONS,
	POLICY_IMAGES,   /* paths */
	POLICY_OWNERS,   /* of images: names or numbers, "self" for the user */
	POLICY_DIGESTS,  /* of images */
	POLICY_MOUNTS,   /* paths of sources, and "tmpfs" */
	POLICY_DEVICES,  /* "gpus" for more than Slurm gave, and names of CDI */
	POLICY_SECURITY, /* what the option `security` may name, but for what denies more */
	POLICY_NAMES,    /* of kept containers */
	POLICY_NETWORK,  /* "host", "net", "net:slirp" */
	POLICY_FORBID,   /* names of options */
	POLICY_LISTS
};

struct policy_rule {
	char *name;
	size_t line;
	char **lists[POLICY_LISTS];
	char *deny;        /* why there is no container at all, or NULL */
	bool safe_parents; /* nobody else may write to a directory above the image */
	bool is_signed;    /* an image has to be signed by one of the site's keys */
	bool no_enter;     /* no `davit enter` */
};

struct policy {
	const char *path; /* of davit.conf, for messages; not owned */
	struct policy_rule *rules;
	size_t count;
};

/* Whom and what a container is for. */
struct policy_who {
	const char *account,
		*partition; /* "" where unknown: only rules that name none are about it */
};

/* Does any rule name an account or a partition? */
bool policy_asks_job(const struct policy *policy);

/* Finds the rule about the calling process's user and groups: 1, or 0 where none is, or -1. */
int policy_find(const struct policy *policy, const struct policy_who *who,
		const struct policy_rule **rule, struct error *err);

/* The rule of that name, or NULL. */
const struct policy_rule *policy_named(const struct policy *policy, const char *name);

/* Refuses what the options ask for and the rule does not allow. Returns 0, or -1 with `err` naming the
 * rule. `chosen` has what the user chose, but for the user's davit.conf. No rule allows everything. */
struct choices;
struct conf;
int policy_check_options(const struct conf *conf, const struct policy_rule *rule,
			 const struct settings *settings, const struct choices *chosen,
			 struct error *err);

/* Does the rule say which images may be used? */
bool policy_looks_at_images(const struct policy_rule *rule);

/* What an image has to prove when it is opened. */
struct image;
struct image_require;
struct image_require policy_require(const struct conf *conf, const struct policy_rule *rule,
				    const struct settings *settings);

/* Refuses an image that was opened like that and that the rule does not allow. Where it is now goes to
 * `path`, of PATH_MAX bytes. */
int policy_check_image(const struct policy *policy, const struct policy_rule *rule,
		       const struct image *image, char *path, struct error *err);

/* The same for all sources of mounts that the user chose; opens each. */
int policy_check_mounts(const struct policy *policy, const struct policy_rule *rule,
			const struct mountlist *mounts, struct error *err);

/* The same for the source of one mount, opened by the caller. */
int policy_check_source(const struct policy *policy, const struct policy_rule *rule, int fd,
			struct error *err);

/* Is `text` one of the list, by fnmatch(3)? A pattern that ends in "/" and two asterisks matches the directory and all
 * below it; an asterisk elsewhere does not match '/'. */
bool policy_matches(char *const *list, const char *text);

/* "FILE:LINE: rule 'NAME'" in front of the cause, and what to do. Returns -1. */
int policy_refuse(const struct policy *policy, const struct policy_rule *rule, struct error *err);

void policy_done(struct policy *policy);

#endif
