/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grant.h - what a container gets of the node's devices: decided before it is built.
 *
 * GPUs come from the step's allocation (share.h), by a CDI specification where one has them, else as
 * the kernel's drivers show them; adapters are those that the user may open; other devices are those
 * asked for by their CDI names. What a vendor's driver has for programs (libraries, tools, files)
 * comes along.
 *
 * grant.c       the order; GPUs, adapters
 * grant_gpus.c  which GPUs
 * grant_cdi.c   what a CDI specification says; cdi_hook.c its hooks
 * drivers.c     a driver's libraries, programs and files
 * equip.h       puts into the container what is more than a mount
 */
#ifndef DAVIT_DEVICES_GRANT_H
#define DAVIT_DEVICES_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/handover.h"
#include "common/mountspec.h"
#include "common/settings.h"
#include "launcher/conf/conf.h"
#include "launcher/devices/cdi.h"
#include "launcher/devices/gpus.h"
#include "launcher/devices/nics.h"
#include "launcher/devices/topology.h"
#include "launcher/env/edits.h"
#include "launcher/mpi/rooted.h"
#include "launcher/note.h"

/* A library of the node's that the loader has to find by its soname. */
struct grant_library {
	char *soname, *path;
	uint32_t flags; /* as in ld.so.cache */
};

/* A name in the container for a file in it. */
struct grant_link {
	char *target; /* relative to the directory of `path`, or absolute */
	char *path;
};

struct grant {
	struct mountlist mounts; /* device files and others; parents need not come first */
	struct edits env;
	struct grant_library *libraries;
	size_t library_count;
	struct grant_link *links;
	size_t link_count;
	struct paths
		folders; /* in the container, where libraries are mounted that the loader has to find */
	const struct cdi_hook **hooks; /* of `cdi`: programs that the site lets run */
	size_t hook_count;
	char *compat_for; /* NVIDIA driver of the node: a newer libcuda of the image's may stand in; or NULL */
	char *table;        /* for nearest_apply(), or NULL */
	struct notes notes; /* what the user should know although nothing failed */

	/* What it is made of; for `davit devices`, too. */
	struct gpulist gpus;
	const struct gpu **granted; /* of `gpus`, in the container, in the order of `gpus` */
	unsigned int *numbers;      /* of `granted`, as Slurm counts them */
	size_t granted_count;
	unsigned int *counted;     /* of all of `gpus`, as Slurm counts them */
	struct topology *topology; /* or NULL */
	struct niclist nics;
	bool has_nic; /* one of them is in the container */
	struct cdi cdi;
	bool has_cdi; /* it has been loaded */
};

struct grant_wish {
	const struct settings *settings;
	const struct conf *conf;
	const struct handover
		*handover; /* with the step's variables, or NULL: the environment has them */
};

/* Decides, as the user and on the node. Starts with all zeros; grant_done is due in each case. Returns
 * 0, or -1 with `err` set: something that was asked for cannot be had. */
int grant_make(struct grant *grant, const struct grant_wish *wish, struct error *err);
void grant_done(struct grant *grant);

/* The process is in a container that another step of the name `name` has built, and what is there
 * counts. Returns 0, or -1 with `err` set: a GPU of this step is not. */
int grant_enter(struct grant *grant, const struct grant_wish *wish, const char *name,
		struct error *err);

/* For the files named above. */

/* Adds a bind; grant_mount_if, one that is left out where it has no place. Returns 0, or -1 with `err`
 * set. */
int grant_mount_if(struct grant *grant, const char *source, const char *target, uint64_t attr_set,
		   struct error *err);
int grant_mount(struct grant *grant, const char *source, const char *target, uint64_t attr_set,
		struct error *err);
/* May the user open it? A cgroup says EPERM, which may be that of one rank only. Else errno is set. */
bool grant_may_open(const char *path, int mode);
bool grant_has_mount(const struct grant *grant, const char *target);

/* Adds those of the files that exist; device files only where the user may open them. */
int grant_files(struct grant *grant, char *const *files, struct error *err);

/* grant_gpus.c: finds the GPUs of the node and those of the container. */
int grant_find_gpus(struct grant *grant, const struct grant_wish *wish, struct error *err);
int grant_regard_container(struct grant *grant, const char *name, struct error *err);

/* grant_cdi.c: loads the specifications, once; adds GPUs of a vendor by them, returns 1 if all of them could
 * be had so, 0 if not; adds the devices of `names` (NULL: none). */
int grant_load_cdi(struct grant *grant, const struct grant_wish *wish, struct error *err);
int grant_gpus_by_cdi(struct grant *grant, const struct grant_wish *wish, enum gpu_vendor vendor,
		      struct error *err);
int grant_cdi_devices(struct grant *grant, const struct grant_wish *wish, char *const *names,
		      struct error *err);

/* cdi_hook.c: does what a standard hook is for, by adding to the grant; keeps one that the site lets run;
 * leaves a note on any other. `spec` is the file that it is from. */
int grant_hook(struct grant *grant, const struct conf *conf, const struct cdi_hook *hook,
	       const char *spec, struct error *err);

/* drivers.c: adds what davit.conf says of the driver's libraries, programs and files. */
int grant_driver(struct grant *grant, const struct conf *conf, struct error *err);

#endif
