/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * settings.h - what the user asked for, and the one table of options behind it.
 *
 * srun knows an option as --container-NAME, `davit run` as --NAME, davit.conf as NAME, and the
 * environment as DAVIT_CONTAINER_NAME or PYXIS_CONTAINER_NAME. The plugin checks each value when srun
 * parses it and hands the same text to the launcher, which parses it again with the same function:
 * the text is the interface (handover.h).
 *
 * A switch has the value "yes" or "no". Its opposite is an option of its own that means "no".
 */
#ifndef DAVIT_SETTINGS_H
#define DAVIT_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "common/devicespec.h"
#include "common/envspec.h"
#include "common/error.h"
#include "common/mountspec.h"
#include "common/unsharespec.h"

enum choice {
	CHOICE_UNSET,
	CHOICE_NO,
	CHOICE_YES
};

enum writable {
	WRITABLE_UNSET,
	WRITABLE_NO,
	WRITABLE_MEMORY,
	WRITABLE_DIR
};

/* What to do with a container of that name; as pyxis has it. */
enum name_mode {
	NAME_AUTO,   /* enter it where it runs, else use what it left, else create it */
	NAME_CREATE, /* it must not exist */
	NAME_EXEC,   /* it must run */
	NAME_NO_EXEC /* as auto, but never enter one that runs */
};

/* Whose MPI library the command gets. */
enum mpi_choice {
	MPI_UNSET,
	MPI_IMAGE,
	MPI_HOST,
	MPI_AUTO /* the node's where it fits, else the image's */
};

/* When to ask a registry for an image of which the import cache has one. */
enum pull {
	PULL_UNSET,
	PULL_NEWER,   /* once per job; what is there will do if the registry does not answer */
	PULL_ALWAYS,  /* once per job, and it has to answer */
	PULL_MISSING, /* only where there is none */
	PULL_NEVER    /* what is there, or nothing */
};

/* Which GPUs of the node are in the container. */
enum gpus_choice {
	GPUS_UNSET,
	GPUS_AUTO, /* those that Slurm gave the step */
	GPUS_NONE,
	GPUS_ALL,
	GPUS_LIST
};

/* Which adapters each rank is told to use. */
enum nic_choice {
	NIC_UNSET,
	NIC_ALL, /* all are there, and the libraries choose */
	NIC_NONE,
	NIC_NEAREST /* all are there, and the variables of the libraries name the nearest */
};

/* How the kernel's requests get to the image server. */
enum transport {
	TRANSPORT_UNSET,
	TRANSPORT_AUTO, /* io_uring where the node has it */
	TRANSPORT_URING,
	TRANSPORT_DEV /* the channel of FUSE, /dev/fuse */
};

/* From where the image is read while the container runs. */
enum stage_choice {
	STAGE_UNSET,
	STAGE_SHARED, /* where it is */
	STAGE_LOCAL,  /* a copy on a disk of each node */
	STAGE_MEMORY, /* a copy in the memory of each node */
	STAGE_AUTO
};

/* What the image server keeps of decompressed data. */
#define IMAGE_CACHE_MIN     ((size_t)1 << 20)
#define IMAGE_CACHE_DEFAULT ((size_t)8 << 20)
#define IMAGE_CACHE_MAX     ((size_t)64 << 30)

struct settings {
	char *image;         /* path as the user gave it, or as in source.h; never "" */
	char *digest;        /* that the image must have, in the form of digest.h; or NULL */
	char *workdir;       /* absolute path inside, or NULL for that of the job */
	char *name;          /* of a container that the job keeps, or NULL */
	char *save;          /* file to write the container to, or NULL */
	char *trace;         /* file to write a trace of the image to, or NULL */
	char *writable_dir;  /* with WRITABLE_DIR */
	char *writable_size; /* with WRITABLE_MEMORY: as tmpfs(5) takes it; NULL for the site's */
	struct mountlist mounts;
	struct envlist env;
	struct unshare unshare;
	enum name_mode name_mode;
	enum writable writable;
	enum mpi_choice mpi;
	enum gpus_choice gpus;
	struct numbers gpu_numbers; /* with GPUS_LIST: as Slurm counts them on the node */
	enum nic_choice nic;
	enum stage_choice stage;
	enum pull pull;
	char **devices;     /* names of CDI; ends with NULL; NULL: none */
	char **security;    /* items as in securityspec.h; ends with NULL; NULL: none */
	size_t image_cache; /* bytes, between IMAGE_CACHE_MIN and IMAGE_CACHE_MAX; 0: not said */
	enum transport image_transport;
	enum choice image_overlay;
	enum choice mount_home, remap_root, entrypoint, entrypoint_log, clean_env, slurm, stats;
};

enum option_arg {
	ARG_REQUIRED,
	ARG_OPTIONAL, /* stands for "yes" where it is missing */
	ARG_NONE      /* a switch */
};

struct option_def {
	const char *name;     /* without "container-" */
	const char *opposite; /* of a switch: "no-NAME" or another word; else NULL */
	enum option_arg has_arg;
	const char *arg;  /* what its value is called in help texts; NULL for a switch */
	const char *help; /* one line, no full stop */
	int (*set)(struct settings *settings, const char *value, struct error *err);
};

/* Ends with a NULL name. The first entry is "image". */
extern const struct option_def settings_options[];

/* Finds the option `name` (without "container-"); NULL when there is none. */
const struct option_def *settings_find(const char *name);

/* The option whose name is nearest to `name`, or NULL if none is near. */
const char *settings_nearest(const char *name);

/* Writes what srun calls an option, without "--": container-NAME, no-container-NAME. */
void settings_srun_name(const char *name, char *out, size_t size);

#define SETTINGS_VARIABLE_MAX 64

/* What the environment, as `get` knows it, says of an option: the value of DAVIT_CONTAINER_NAME, else
 * that of PYXIS_CONTAINER_NAME, whose name goes to `variable`. A switch can be set by its opposite,
 * too (PYXIS_CONTAINER_READONLY); then it is the reverse that is returned. An empty value counts as
 * none. NULL where there is none. */
const char *settings_getenv(const struct option_def *def, char *(*get)(const char *name),
			    char variable[SETTINGS_VARIABLE_MAX]);

/* Sets one option, overriding an earlier value. Returns 0, or -1 with `err` set and `settings` as
 * it was. */
int settings_set(struct settings *settings, const char *name, const char *value, struct error *err);

/* Reads a size such as 64m, as --container-image-cache takes it. Returns 0, or -1 with `err` set. */
int settings_parse_cache(size_t *size, const char *value, struct error *err);

/* Reads yes, true, on, 1 or no, false, off, 0, in any case. Returns 0, or -1 with `err` set. */
int settings_parse_switch(enum choice *choice, const char *value, struct error *err);

void settings_done(struct settings *settings);

#endif
