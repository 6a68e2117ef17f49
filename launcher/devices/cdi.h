/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cdi.h - specifications of the Container Device Interface (CDI), versions 0.3 to 1.0.
 *
 * Files NAME.yaml and NAME.json in a few directories say, for devices called VENDOR/CLASS=NAME, what
 * a container needs for them. See https://github.com/cncf-tags/container-device-interface, SPEC.md.
 *
 * A file that is refused does not keep others from being used: its error is kept, and told by those
 * who miss one of its devices. Of two devices with one name, that of the later directory counts; two
 * in one directory are an error when that device is asked for.
 *
 * cdi.c         directories, names, and which device it is
 * cdi_parse.c   from the text of a file to struct cdi_spec: the file and its devices
 * cdi_edits.c   "containerEdits"
 * cdi_fields.c  maps, lists and values, as cdi_parse.h has them
 */
#ifndef DAVIT_DEVICES_CDI_H
#define DAVIT_DEVICES_CDI_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

struct cdi_node {
	char *path;        /* in the container, absolute, normalised (common/mountspec.h) */
	char *host_path;   /* on the node; the same as `path` where the file says nothing */
	char *permissions; /* of "rwm", or NULL: all */
};

struct cdi_mount {
	char *host_path, *container_path; /* absolute, normalised */
	char **options;                   /* as the file has them; ends with NULL; or NULL */
	char *type; /* of the file system; NULL, "none" and "bind" are a bind */
};

struct cdi_hook {
	char *name;  /* "createContainer", ... */
	char *path;  /* of the program on the node */
	char **args; /* args[0] is its name; ends with NULL; never NULL */
	char **env;  /* NAME=VALUE; ends with NULL; or NULL */
	size_t line; /* in the file, from 1 */
};

/* Everything that an entry "containerEdits" may have; what concerns only runtimes with privileges
 * (intelRdt, netDevices) is checked and left out. */
struct cdi_edits {
	char **env; /* NAME=VALUE; ends with NULL; or NULL */
	struct cdi_node *nodes;
	size_t node_count;
	struct cdi_mount *mounts;
	size_t mount_count;
	struct cdi_hook *hooks;
	size_t hook_count;
	gid_t *gids; /* additionalGids */
	size_t gid_count;
};

struct cdi_device {
	char *name;
	struct cdi_edits edits;
	size_t line;
};

struct cdi_spec {
	char *file;       /* its path */
	char *kind;       /* "VENDOR/CLASS" */
	size_t directory; /* index of where it was found */
	struct cdi_device *devices;
	size_t device_count;
	struct cdi_edits edits; /* for each of its devices, once for all of them */
};

struct cdi {
	struct cdi_spec *specs; /* in the order of directories, then of file names */
	size_t spec_count;
	struct error *errors; /* one for each file that was refused */
	size_t error_count;
};

/* Reads all files. Directories that do not exist count as empty. Returns 0, or -1 with `err` set when
 * out of memory. cdi_done is due in each case. */
int cdi_load(struct cdi *cdi, const char *const directories[], struct error *err);
void cdi_done(struct cdi *cdi);

/* Finds the device `name`, VENDOR/CLASS=NAME, and the file that it is from. NULL with `err` set: the
 * cause is that it is unknown, or in two files; the remedy names the nearest that is known; where
 * files were refused, the first of them is named, too. */
const struct cdi_device *cdi_find(const struct cdi *cdi, const char *name,
				  const struct cdi_spec **spec, struct error *err);

/* cdi_parse.c: reads the text of one file. Returns 0, or -1 with `err` set: the cause begins with
 * "FILE:LINE: " and names the field. cdi_spec_done releases the spec in each case. */
int cdi_spec_parse(struct cdi_spec *spec, const char *file, const char *text, size_t len,
		   struct error *err);
void cdi_spec_done(struct cdi_spec *spec);

#endif
