/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf.h - davit.conf: what the site sets, and what its users set for themselves.
 *
 *	DAVIT_SYSCONFDIR/davit.conf          the site's
 *	$XDG_CONFIG_HOME/davit/davit.conf    a user's; by default below $HOME/.config
 *
 * Both are YAML with the same keys, see davit.conf(5); some are the site's alone. The user's comes on
 * top. Davit runs as the user, so what the site forbids shapes what Davit does and is no boundary
 * for security.
 *
 * conf.c       which files, and what a user may choose
 * conf_file.c  may this file be believed?
 * conf_devices.c the keys on devices
 * conf_imports.c the keys on imported images
 * conf_parse.c from the tree to struct conf
 * templates.c  files for the container
 */
#ifndef DAVIT_CONF_H
#define DAVIT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/mountspec.h"
#include "launcher/conf/choices.h"
#include "launcher/env/edits.h"
#include "launcher/conf/yaml.h"
#include "launcher/policy/policy.h"

#define STAGE_WAIT_DEFAULT 30
#define STAGE_WAIT_MAX     3600

enum conf_layer {
	CONF_SITE,
	CONF_USER,
	CONF_LAYERS,
	CONF_ANYBODY = CONF_LAYERS /* of conf_read_file */
};

/* A file that is put into the container. */
struct conf_template {
	char *path;    /* in the container, normalised */
	char *content; /* its text */
	char *source;  /* where that was read on the node, or NULL */
	bool optional; /* leave it out where there is no source */
};

struct conf {
	struct choices choices;  /* defaults for options, */
	const char *users_files; /* a key of the user's that brings in files of the node, or NULL */
	bool is_users[CHOICES_MAX]; /* of these, by index: the user's and not the site's */
	struct mountlist mounts;    /* always there; the site's before the user's */
	char **host_only; /* fnmatch(3) patterns of variables that stay outside; ends with NULL */
	struct edits
		environment; /* the site's before the user's; each: unset, set, prepend, append */
	struct conf_template *templates;
	size_t template_count;
	char *writable_size;     /* of a writable layer in memory, as tmpfs(5) takes it */
	size_t image_cache_max;  /* bytes that may be chosen for image-cache, or 0 for no bound; */
	size_t image_cache_line; /* the line of the site's file that says so */
	char **host_mpi; /* MPI libraries of the node, preferred to those that the loader finds */
	char **host_mpi_directories; /* that come along with them; both end with NULL or are NULL */
	/* Devices. Lists end with NULL; patterns are fnmatch(3)'s. */
	char **gpu_libraries;   /* patterns of sonames of the node's that go with a GPU */
	bool has_gpu_libraries; /* they are the site's or the user's */
	char **gpu_programs;    /* names of programs that do */
	char **gpu_files;       /* paths of files that do */
	char **nic_libraries; /* patterns of sonames that go with an adapter where the image has none; or NULL */
	char **nic_files;          /* paths of files and directories that go with them; or NULL */
	char **cdi_directories;    /* where CDI's specifications are */
	char **cdi_hooks;          /* paths of programs that CDI's hooks may start; or NULL */
	char *topology_file;       /* the node's topology as hwloc's XML, or NULL */
	char *state_dir;           /* where named containers keep their layers; absolute */
	char *import_cache;        /* directory of imported images with patterns, or NULL; */
	uint64_t import_cache_max; /* bytes that they may take */
	char *stage_dir;           /* where copies of images lie; absolute, with patterns */
	unsigned int stage_wait;   /* seconds without news after which a node copies by itself */
	char **image_keys;         /* public keys whose signatures on images count; or NULL */
	bool subids;               /* may /etc/subuid be used for remap-root? */
	bool user_config;          /* do files of users count? */
	bool is_site_read;         /* nothing of the site's file is missing here */
	bool audit;                /* are there lines in the system's log? */
	struct policy policy;      /* who may have which container */
	bool least_privilege;      /* nothing that neither user nor image has asked for? */
	/* Patterns of what images get if they ask (policy_matches()); each ends with NULL or is NULL. */
	char **image_mounts, **image_devices, **image_system_calls;
	size_t forbidden
		[CHOICES_MAX]; /* by index in settings_options: line in the site's file, or 0 */
	/* What was read, for `davit config`; NULL where there is no file. */
	char *paths[CONF_LAYERS];
	struct yaml_node *trees[CONF_LAYERS];
};

/* Reads both files. To be called as the user, while the node's files are in reach and before a user
 * namespace is entered, where root's files look like nobody's. A file that is not there counts as
 * empty; anything else that is wrong with one is an error. The templates' patterns are replaced and
 * their sources read. conf_done releases `conf` in each case. */
int conf_load(struct conf *conf, struct error *err);

/* Only checks `path` as the site's file, whoever owns it. */
int conf_load_file(struct conf *conf, const char *path, struct error *err);

/* Does the site let its users choose all of this? What they choose in their file has to be in `conf`. */
int conf_check(const struct conf *conf, const struct choices *user, struct error *err);

void conf_done(struct conf *conf);

/* conf_parse.c: starts with the built-in values. */
int conf_init(struct conf *conf, struct error *err);

/* conf_parse.c: adds what the text of one file says. The site's has to come first. */
int conf_parse(struct conf *conf, enum conf_layer layer, const char *path, const char *text,
	       size_t len, struct error *err);

/* conf_imports.c: reads a size such as 50g. Returns 0, or -1 with `err` set. */
int conf_parse_import_cache_max(const char *text, uint64_t *size, struct error *err);

/* conf_file.c: reads a file into a fresh buffer. Unless `owner` is CONF_ANYBODY, it may be absent,
 * and has to be one that can be believed: the site's is root's alone, the user's the user's own or
 * root's. Returns 1, 0 where there is no such file, or -1 with `err` set. */
int conf_read_file(const char *path, enum conf_layer owner, char **text, size_t *len,
		   struct error *err);

#endif
